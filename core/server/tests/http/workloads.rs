//! Series per pod and workload.

use crate::harness::{TestCore, a_fleet_with, a_pod, config, present};
use api_chassis::auth::Role;
use core_server::Config;
use core_server::config::WorkloadMetricsConfig;
use std::collections::BTreeSet;

fn wanting(workload_metrics: WorkloadMetricsConfig) -> Config {
    Config { workload_metrics, ..config() }
}

fn all() -> WorkloadMetricsConfig {
    WorkloadMetricsConfig { pod_issues: true, image_scans: true, ..WorkloadMetricsConfig::default() }
}

/// The series, each once and of one family after the other, or the test fails.
fn series(text: &str) -> Vec<&str> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let names: BTreeSet<&str> = series.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(names.len(), series.len(), "{text}");
    series
}

#[tokio::test]
async fn series_of_a_fleet_are_those_of_both_exporters() {
    let core = a_fleet_with(wanting(all())).await;
    let told = core.get("//metrics/workloads").await;
    series(&told.text);
    insta::assert_snapshot!(told);
    core.stop().await;
}

#[tokio::test]
async fn series_of_replicas_and_of_repeated_images_stay_distinct() {
    let core = a_fleet_with(wanting(all())).await;
    let before = core.get("//metrics/workloads").await;
    let mut twice = a_pod("/web-2", "nginx:1.27", 1);
    let again = twice["containers"][0].clone();
    twice["containers"].as_array_mut().unwrap().push(again);
    core.post("/sources/docker/host-1/observations", present(&[twice])).await;
    let after = core.get("//metrics/workloads").await;
    assert!(series(&after.text).len() > series(&before.text).len());
    core.stop().await;
}

#[tokio::test]
async fn series_are_of_wanted_namespaces_and_the_worst_findings() {
    for (wanted, issues) in [
        (WorkloadMetricsConfig { top: 1, ..all() }, 2),
        (WorkloadMetricsConfig { include_namespaces: vec!["prod-*".into()], ..all() }, 0),
        (WorkloadMetricsConfig { exclude_namespaces: vec!["*".into()], ..all() }, 0),
        (WorkloadMetricsConfig { pod_issues: false, ..all() }, 0),
    ] {
        let core = a_fleet_with(wanting(wanted)).await;
        let told = core.get("//metrics/workloads?source=docker/host-1").await;
        let told = series(&told.text).into_iter().filter(|line| line.starts_with("pod_security_issue"));
        assert_eq!(told.count(), issues);
        core.stop().await;
    }
}

#[tokio::test]
async fn series_asked_of_no_one_source_are_refused() {
    let core = TestCore::with(wanting(all())).await;
    assert_eq!(core.get("//metrics/workloads").await.status, 404);
    for source in ["kubernetes/a", "kubernetes/b"] {
        let pods = present(&[a_pod("shop/web", "shop/web:1", 1)]);
        core.post(&format!("/sources/{source}/observations"), pods).await;
    }
    assert_eq!(core.get("//metrics/workloads").await.status, 400);
    assert_eq!(core.get("//metrics/workloads?source=kubernetes/a").await.status, 200);
    assert_eq!(core.get("//metrics/workloads?source=nonsense").await.status, 400);
    core.stop().await;
}

#[tokio::test]
async fn series_not_wanted_are_not_there_and_are_for_readers_only() {
    let core = TestCore::start().await;
    assert_eq!(core.get("//metrics/workloads").await.status, 404);
    core.stop().await;
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.get("//metrics/workloads").await.status, 403);
    core.stop().await;
}

#[test]
fn labels_of_one_name_are_refused() {
    for labels in [vec!["a.b", "a/b"], vec!["namespace"]] {
        let pod_labels = labels.into_iter().map(str::to_owned).collect();
        let refused = wanting(WorkloadMetricsConfig { pod_labels, ..all() }).check().unwrap_err();
        assert!(refused.to_string().contains("workload_metrics.pod_labels"), "{refused}");
    }
}
