//! `perceptor up`: core, perceivers, image-fetcher and scanner in one process.

mod archives;
mod mesh;
mod places;
mod screen;

use super::WrongInput;
use crate::cli::UpArgs;
use crate::folder::data_folder;
use crate::progress::Progress;
use anyhow::{Context, Result};
use api_chassis::logs::{self, LogSettings};
use api_chassis::shutdown::Shutdown;
use core_server::StartError;
use mesh::Mesh;
use places::Places;
use screen::Screen;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub async fn run(args: UpArgs, out: &mut (dyn Write + Send)) -> Result<()> {
    let data = data_folder(args.data.clone());
    std::fs::create_dir_all(&data).with_context(|| format!("make data folder {}", data.display()))?;
    let places = Places::find(&args, &data).await?;
    let mut screen = Screen::new(args.json, out);
    screen.say_places(&places)?;
    logs_beside(screen.progress(), &args.log)?;
    let shutdown = Shutdown::on_signals().context("listen for signals")?;
    let mesh = Mesh::start(&args, &data, &places, screen.progress()).await.map_err(mend(&args, &data))?;
    screen.say_ready(&mesh, &data)?;
    let shown = screen.follow(&mesh, args.once, &shutdown).await;
    screen.say_stopping()?;
    mesh.stop().await?;
    shown
}

/// Logs on standard error, above what is drawn there.
fn logs_beside(progress: &Arc<Progress>, level: &str) -> Result<()> {
    let settings = LogSettings { level: level.to_owned(), ..LogSettings::default() };
    let progress = Arc::clone(progress);
    let write = move |line: &[u8]| progress.bars().suspend(|| std::io::stderr().lock().write_all(line));
    Ok(logs::init_with(&settings, write).map_err(|error| WrongInput(error.to_string()))?)
}

/// What a person can do about a mesh that does not start.
fn mend<'a>(args: &'a UpArgs, data: &'a Path) -> impl FnOnce(anyhow::Error) -> anyhow::Error + 'a {
    move |error| {
        let in_use = error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
            .any(|cause| cause.kind() == std::io::ErrorKind::AddrInUse);
        if in_use {
            let message = format!("{} is in use; choose another address with --listen", args.listen);
            return WrongInput(message).into();
        }
        match error.downcast_ref::<StartError>() {
            Some(StartError::Exposure(refused)) => {
                let message =
                    format!("{refused} (`perceptor up` has none; perceptor-core takes a token file)");
                WrongInput(message).into()
            }
            Some(StartError::Origin(refused)) => WrongInput(format!("--advisories: {refused}")).into(),
            Some(StartError::Settings(refused)) => WrongInput(refused.to_string()).into(),
            _ => {
                error.context(format!("start with data in {} (--data names another folder)", data.display()))
            }
        }
    }
}
