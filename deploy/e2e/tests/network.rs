//! The network between the edges and the core is cut: at once, in the middle of a request, before
//! an answer. Nothing acknowledged is lost, everything settles, and each outage is logged once.

use anyhow::{Context, Result, ensure};
use e2e::acknowledged::Acknowledged;
use e2e::lab::Lab;
use e2e::parts;
use e2e::until::{PATIENCE, until};
use e2e::wire::Wire;

const PARTS: &[&str] = &["dockerd", "docker", "docker-compose", "debootstrap", "rpm", "npm", "pip3"];
const TEST: &str = "network_cut_at_any_moment_loses_nothing_and_is_logged_once";

/// How the wire is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// While nothing special is under way.
    AtOnce,
    /// When so many more bytes have been sent to the core: in an observation, a layer, a report.
    WithinRequest(usize),
    /// When the core begins its next answer.
    BeforeAnswer,
}

const CUTS: [Cut; 7] = [
    Cut::AtOnce,
    Cut::BeforeAnswer,
    Cut::WithinRequest(300),
    Cut::WithinRequest(2_500),
    Cut::WithinRequest(6_000),
    Cut::WithinRequest(12_000),
    Cut::BeforeAnswer,
];

#[tokio::test(flavor = "multi_thread")]
async fn network_cut_at_any_moment_loses_nothing_and_is_logged_once() -> Result<()> {
    if !parts::has(TEST, PARTS) {
        return Ok(());
    }
    let mut lab = Lab::start().await?;
    lab.mesh.start_core().await?;
    let wire = Wire::to(lab.mesh.address()).await?;
    lab.mesh.reach_core_by(&wire.url());
    lab.mesh.start_fetcher().await?;
    lab.mesh.start_perceiver()?;
    lab.mesh.start_scanner(1)?;
    lab.mesh.settled(3).await?;

    for (round, cut) in CUTS.into_iter().enumerate() {
        let acknowledged = Acknowledged::by(&lab.mesh).await?;
        match cut {
            Cut::AtOnce => wire.cut(),
            Cut::WithinRequest(bytes) => wire.cut_within_request(bytes),
            Cut::BeforeAnswer => wire.cut_before_answer(),
        }
        let version = u32::try_from(round)? + 2;
        lab.upgrade_web_marked(2 * version)?;
        tokio::time::timeout(PATIENCE, wire.is_cut()).await.with_context(|| format!("{cut:?}: not cut"))?;
        // The core is away, and there is something to tell it.
        lab.upgrade_web_marked(2 * version + 1)?;
        all_have_said(&lab, |(part, gone, _)| (part, gone), round + 1).await?;
        wire.mend();
        all_have_said(&lab, |(part, _, back)| (part, back), round + 1).await?;
        lab.settled_with_web(2 * version + 1).await.with_context(|| format!("after {cut:?}"))?;
        acknowledged.is_kept(&lab.mesh, &format!("{cut:?}")).await?;
    }
    each_outage_was_logged_once(&lab)
}

/// What the edges say of a core that is away: when it goes, and when it is back.
type Saying = (&'static str, &'static str, &'static str);
const SAYINGS: [Saying; 2] = [
    ("perceiver", "core does not answer; will keep trying", "core answers again"),
    ("scanner-1", "the core does not give work", "the core gives work again"),
];

fn count(lab: &Lab, part: &str, saying: &str) -> usize {
    lab.mesh.log(part).matches(saying).count()
}

/// Wait until every part has said it so often.
async fn all_have_said(
    lab: &Lab,
    which: impl Fn(Saying) -> (&'static str, &'static str),
    times: usize,
) -> Result<()> {
    for (part, saying) in SAYINGS.map(which) {
        let what = format!("{part} to have said {times} times: {saying}");
        let said = until(&what, async || Ok((count(lab, part, saying) >= times).then_some(())));
        said.await.with_context(|| lab.mesh.logs())?;
    }
    Ok(())
}

fn each_outage_was_logged_once(lab: &Lab) -> Result<()> {
    for (part, gone, back) in SAYINGS {
        let said = (count(lab, part, gone), count(lab, part, back));
        ensure!(said == (CUTS.len(), CUTS.len()), "{part}: {said:?}\n{}", lab.mesh.log(part));
    }
    Ok(())
}
