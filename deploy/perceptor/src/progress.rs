//! Progress bars: one per layer that is being read, where there is a terminal to draw them on.

use api_vocab::Digest;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use scanner_worker::{ScanEvent, ScanObserver};
use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

/// The bars; hidden without a terminal.
pub struct Progress {
    bars: MultiProgress,
    layers: Mutex<HashMap<(String, Digest), ProgressBar>>,
}

impl Progress {
    /// Bars on standard error, if that is a terminal.
    pub fn on_terminal() -> Self {
        if !std::io::stderr().is_terminal() {
            return Progress::hidden();
        }
        Progress {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            layers: Mutex::default(),
        }
    }

    /// Bars that nobody sees.
    pub fn hidden() -> Self {
        Progress {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            layers: Mutex::default(),
        }
    }

    /// The place to draw other things among the bars.
    pub const fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Take everything off the screen.
    pub fn clear(&self) {
        // A terminal that is gone needs no clearing.
        let _ = self.bars.clear();
    }

    fn start(&self, image: &str, layer: &Digest, size: u64) {
        let bar = self.bars.add(ProgressBar::new(size).with_style(style()));
        bar.set_message(format!("{} layer {}", short(image), layer.short()));
        self.with(|layers| layers.insert((image.to_owned(), layer.clone()), bar));
    }

    fn end(&self, image: &str, layer: &Digest) {
        if let Some(bar) = self.with(|layers| layers.remove(&(image.to_owned(), layer.clone()))) {
            bar.finish_and_clear();
        }
    }

    fn end_all(&self, image: &str) {
        let ended: Vec<ProgressBar> =
            self.with(|layers| layers.extract_if(|(of, _), _| of == image).map(|(_, bar)| bar).collect());
        ended.iter().for_each(ProgressBar::finish_and_clear);
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<(String, Digest), ProgressBar>) -> T) -> T {
        change(&mut self.layers.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ScanObserver for Progress {
    fn observe(&self, image: &str, event: ScanEvent<'_>) {
        match event {
            ScanEvent::LayerStarted { diff_id, size } => self.start(image, diff_id, size),
            ScanEvent::LayerRead { diff_id, bytes } => self.with(|layers| {
                if let Some(bar) = layers.get(&(image.to_owned(), diff_id.clone())) {
                    bar.inc(bytes);
                }
            }),
            ScanEvent::LayerDone { diff_id, .. } => self.end(image, diff_id),
            ScanEvent::Finished(_) | ScanEvent::Failed(_) => self.end_all(image),
            ScanEvent::Resolved(_) | ScanEvent::LayerKnown(_) => {}
        }
    }
}

/// A digest as people write it; a reference as it is.
fn short(image: &str) -> String {
    image.parse::<Digest>().map_or_else(|_| image.to_owned(), |digest| digest.short())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:40} {bar:24} {bytes:>10} / {total_bytes:10} {bytes_per_sec}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
