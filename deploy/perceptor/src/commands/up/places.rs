//! What there is to watch on this host: engines, an inventory file, or else the sample.

use crate::cli::UpArgs;
use crate::commands::WrongInput;
use crate::sample;
use anyhow::{Context, Result};
use api_chassis::config::environment;
use api_chassis::engines::{EngineCandidate, EngineState, find_engines};
use perceiver_kit::inventory::Inventory;
use std::path::{Path, PathBuf};

/// What is watched.
pub struct Places {
    /// Where engines were looked for, and what was found.
    pub candidates: Vec<EngineCandidate>,
    /// The inventory file, and what is in it.
    pub inventory: Option<(PathBuf, Inventory)>,
    /// Whether that is the sample.
    pub is_sample: bool,
}

impl Places {
    /// Look around. Writes the sample's files below `data` if there is nothing else to watch.
    pub async fn find(args: &UpArgs, data: &Path) -> Result<Self> {
        let candidates = if args.sample { Vec::new() } else { find_engines(&environment().collect()).await };
        let has_engine = candidates.iter().any(|c| matches!(c.state, EngineState::Found(_)));
        let is_sample = args.inventory.is_none() && !has_engine;
        let file = match &args.inventory {
            Some(file) => Some(std::path::absolute(file)?),
            None if is_sample => Some(write_sample(data)?),
            None => None,
        };
        let inventory = file.map(load).transpose()?;
        Ok(Places { candidates, inventory, is_sample })
    }

    /// The endpoints of engines that answer.
    pub fn engines(&self) -> impl Iterator<Item = &EngineCandidate> {
        self.candidates.iter().filter(|c| matches!(c.state, EngineState::Found(_)))
    }
}

fn write_sample(data: &Path) -> Result<PathBuf> {
    let folder = std::path::absolute(data.join("sample"))?;
    sample::write(&folder).with_context(|| format!("write the sample to {}", folder.display()))?;
    Ok(folder.join(sample::INVENTORY))
}

fn load(file: PathBuf) -> Result<(PathBuf, Inventory)> {
    let inventory = Inventory::load(&file).map_err(|error| WrongInput(error.to_string()))?;
    Ok((file, inventory))
}
