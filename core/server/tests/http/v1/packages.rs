//! Packages: of the fleet, of an image, and where they run.

use crate::harness::{TestCore, a_fleet, digest};
use api_chassis::auth::Role;

#[tokio::test]
async fn packages_of_the_fleet_are_listed_by_name() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/packages").await);
    core.stop().await;
}

#[tokio::test]
async fn packages_filtered_are_those_that_pass() {
    let core = a_fleet().await;
    let (ssl, log4j) = ("libssl3", "org.apache.logging.log4j:log4j-core");
    for (query, expected) in [
        ("name=libssl3", vec![ssl]),
        ("name=openssl", vec![ssl]),
        ("name=log4j-core", vec![log4j]),
        ("name_contains=ssl", vec![ssl]),
        ("ecosystem=Debian", vec![ssl]),
        ("ecosystem=Debian:12", vec![ssl]),
        ("ecosystem=Debian:11", vec![]),
        ("name=log4j-core&version=%3C2.17.1", vec![log4j]),
        ("name=log4j-core&version=%3E%3D2.17.1", vec![]),
        ("sort=severity&order=desc", vec![ssl, log4j]),
        ("sort=images", vec![ssl, log4j]),
    ] {
        let told = core.get(&format!("/packages?{query}")).await.json();
        let mut names: Vec<&str> =
            told["items"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
        if query == "sort=images" {
            names.sort();
        }
        assert_eq!(names, expected, "{query}");
    }
    core.stop().await;
}

#[tokio::test]
async fn package_places_say_what_runs_it() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/packages/places?name=log4j-core&version=%3C2.17.1").await);
    core.stop().await;
}

#[tokio::test]
async fn package_places_that_cannot_be_compared_are_undecided_not_left_out() {
    let core = a_fleet().await;
    for (version, undecided) in [("%3C3.1", None), ("%3Cx:1", Some(true))] {
        let told = core.get(&format!("/packages/places?name=openssl&version={version}")).await.json();
        assert_eq!(told["items"][0]["name"], "libssl3", "{version}");
        assert_eq!(told["items"][0].get("undecided").and_then(|u| u.as_bool()), undecided, "{version}");
    }
    assert_eq!(
        core.get("/packages?name=openssl&version=%3Cx:1").await.json()["items"],
        serde_json::json!([])
    );
    core.stop().await;
}

#[tokio::test]
async fn packages_of_image_say_which_file_told() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get(&format!("/images/{}/packages", digest(1))).await);
    let second = core.get(&format!("/images/{}/packages?limit=1&order=desc", digest(1))).await.json();
    assert_eq!(second["items"][0]["name"], "org.apache.logging.log4j:log4j-core");
    assert!(second["next_cursor"].is_string());
    core.stop().await;
}

#[tokio::test]
async fn packages_asked_wrongly_are_invalid() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/packages?version=,,").await);
    insta::assert_snapshot!(core.get("/packages?ecosystem=Nope").await);
    insta::assert_snapshot!(core.get("/packages/places?sort=images").await);
    insta::assert_snapshot!(core.get(&format!("/images/{}/packages?x=1", digest(1))).await);
    core.stop().await;
}

#[tokio::test]
async fn packages_of_image_not_scanned_are_not_found() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get(&format!("/images/{}/packages", digest(2))).await);
    insta::assert_snapshot!(core.get(&format!("/images/{}/packages", digest(9))).await);
    core.stop().await;
}

#[tokio::test]
async fn packages_are_for_readers_only() {
    let core = TestCore::guarded(Role::Perceiver).await;
    for path in
        ["/packages".to_owned(), "/packages/places".to_owned(), format!("/images/{}/packages", digest(1))]
    {
        assert_eq!(core.get(&path).await.status, 403, "{path}");
    }
    core.stop().await;
}
