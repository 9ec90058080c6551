//! Batches on their way to the disk: how many there are, and whether one was lost.

use core_store::StoreError;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Counts batches that were handed to the store and not yet answered.
#[derive(Debug, Default)]
pub struct Flight {
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    flying: usize,
    lost: Option<StoreError>,
}

impl Flight {
    /// One more; waits while there are `most`.
    pub fn start(&self, most: usize) {
        let state = self.state();
        let wait = self.landed.wait_while(state, |state| state.flying >= most);
        wait.unwrap_or_else(PoisonError::into_inner).flying += 1;
    }

    /// One less; `lost` says why its changes were, if they were.
    pub fn land(&self, lost: Option<StoreError>) {
        let mut state = self.state();
        state.flying = state.flying.saturating_sub(1);
        state.lost = state.lost.take().or(lost);
        drop(state);
        self.landed.notify_all();
    }

    /// Whether none is on its way.
    pub fn is_over(&self) -> bool {
        self.state().flying == 0
    }

    /// Wait until none is on its way.
    pub fn wait(&self) {
        let state = self.state();
        drop(self.landed.wait_while(state, |state| state.flying > 0));
    }

    /// Why changes were lost since this was asked last.
    pub fn take_lost(&self) -> Option<StoreError> {
        self.state().lost.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
