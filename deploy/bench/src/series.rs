//! A million series for Prometheus: how fast they stream, and what the core needs of memory for that.

use crate::figures::{Figure, resident_mib};
use crate::ingest::{block_on, config, run};
use crate::memory::LOADED;
use anyhow::{Context, Result, ensure};
use core_server::Config;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

/// Two hundredths of the pods: together they have a million findings.
const NAMESPACES: [&str; 2] = ["team1", "team2"];
/// Bytes from one look at the memory to the next.
const LOOK: usize = 8 << 20;

/// `pod_security_issue` for every finding of every pod of some namespaces, over HTTP on the loopback
/// interface, from a core that knows a large fleet.
pub fn measure(folder: &Path) -> Result<Vec<Figure>> {
    block_on(async {
        let core = run(settings(folder)).await?;
        core.core().matcher.settle().await;
        let url = core.url();
        let (before, begun) = (resident_mib(), Instant::now());
        let read = tokio::task::spawn_blocking(move || read(&url)).await??;
        let took = begun.elapsed().as_secs_f64();
        core.stop().await?;
        ensure!(read.lines > 1_000_000, "only {} series", read.lines);
        let what = format!("{} series of {} MiB", read.lines, read.bytes >> 20);
        Ok(vec![
            Figure::plain(what, took, "s", "-"),
            Figure::plain("resident memory more than before, at most", read.resident - before, "MiB", "-"),
        ])
    })
}

fn settings(folder: &Path) -> Config {
    let mut config = config(folder, LOADED);
    config.workload_metrics.pod_issues = true;
    config.workload_metrics.unfixed = true;
    config.workload_metrics.include_namespaces = NAMESPACES.map(str::to_owned).to_vec();
    config
}

/// What an answer was.
struct Answer {
    lines: usize,
    bytes: usize,
    /// The most memory that the process had meanwhile, in MiB.
    resident: f64,
}

/// Read the answer as it comes, and keep nothing of it.
fn read(url: &str) -> Result<Answer> {
    let mut connection = TcpStream::connect(url.strip_prefix("http://").context("not plain HTTP")?)?;
    // HTTP/1.0: the body comes as it is and ends with the connection.
    connection.write_all(b"GET /metrics/workloads?source=kubernetes/bench HTTP/1.0\r\n\r\n")?;
    let mut answer = Answer { lines: 0, bytes: 0, resident: 0.0 };
    let (mut buffer, mut looked) = (vec![0; 64 << 10], 0);
    loop {
        let read = connection.read(&mut buffer)?;
        if read == 0 {
            return Ok(answer);
        }
        answer.lines += buffer.iter().take(read).filter(|byte| **byte == b'\n').count();
        answer.bytes += read;
        if answer.bytes - looked >= LOOK {
            looked = answer.bytes;
            answer.resident = answer.resident.max(resident_mib());
        }
    }
}
