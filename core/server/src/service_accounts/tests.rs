//! Tests of what a review's answer means, and of how long it is believed.

use super::*;
use api_chassis::clock::ManualClock;
use k8s_openapi::api::authentication::v1::UserInfo;

fn accounts(clock: &ManualClock) -> ServiceAccounts {
    let config = ServiceAccountConfig {
        allow: vec!["scanner perceptor/scan".to_owned(), "perceiver perceptor/look".to_owned()],
        ..ServiceAccountConfig::default()
    };
    ServiceAccounts::of(&config, Arc::new(clock.clone())).unwrap().unwrap()
}

fn answer(user: &str, audiences: Option<&[&str]>, authenticated: bool) -> TokenReviewStatus {
    TokenReviewStatus {
        authenticated: Some(authenticated),
        audiences: audiences.map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
        user: Some(UserInfo { username: Some(user.to_owned()), ..UserInfo::default() }),
        ..TokenReviewStatus::default()
    }
}

#[test]
fn answer_lets_in_only_allowed_accounts_with_tokens_for_us() {
    let accounts = accounts(&ManualClock::default());
    let scanner = "system:serviceaccount:perceptor:scan";
    for (status, role) in [
        (answer(scanner, Some(&["perceptor"]), true), Some(Role::Scanner)),
        (
            answer("system:serviceaccount:perceptor:look", Some(&["a", "perceptor"]), true),
            Some(Role::Perceiver),
        ),
        (answer(scanner, Some(&["perceptor"]), false), None),
        (answer(scanner, Some(&["https://kubernetes.default.svc"]), true), None),
        (answer(scanner, None, true), None),
        (answer("system:serviceaccount:other:scan", Some(&["perceptor"]), true), None),
        (answer("perceptor/scan", Some(&["perceptor"]), true), None),
        (TokenReviewStatus::default(), None),
    ] {
        assert_eq!(accounts.judge(&status).map(|caller| caller.role), role, "{status:?}");
    }
}

#[test]
fn verdict_is_believed_for_its_time_and_kept_for_an_outage() {
    let clock = ManualClock::at(Timestamp::from_millis(1_000_000));
    let accounts = accounts(&clock);
    accounts.keep([1; 32], Some(Caller::new("x", Role::Scanner)));
    clock.advance(Duration::from_secs(59));
    assert!(accounts.known(&[1; 32], accounts.believed).is_some());
    clock.advance(Duration::from_secs(2));
    assert!(accounts.known(&[1; 32], accounts.believed).is_none());
    assert!(accounts.known(&[1; 32], GRACE).is_some());
    clock.advance(GRACE);
    assert!(accounts.known(&[1; 32], GRACE).is_none());
    clock.set(Timestamp::from_millis(0));
    assert!(accounts.known(&[1; 32], GRACE).is_none(), "a clock set back makes nothing last longer");
}

#[test]
fn verdicts_on_strangers_make_room_for_callers() {
    let accounts = accounts(&ManualClock::default());
    for n in 0..MAX_KEPT as u64 {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&n.to_le_bytes());
        accounts.keep(key, None);
    }
    accounts.keep([255; 32], Some(Caller::new("x", Role::Scanner)));
    assert!(accounts.known(&[255; 32], GRACE).is_some());
    assert_eq!(accounts.verdicts.lock().unwrap().len(), 1);
}

#[test]
fn line_malformed_is_refused_with_what_would_be_right() {
    for (line, told) in [
        ("scanner", "expected: role namespace/name"),
        ("scanner scan", "expected: role namespace/name"),
        ("root perceptor/scan", "unknown role"),
        ("perceiver perceptor/look everywhere", "expected kind/name"),
        ("scanner perceptor/scan docker/a", "only a perceiver"),
    ] {
        let config = ServiceAccountConfig { allow: vec![line.to_owned()], ..Default::default() };
        let refused = ServiceAccounts::of(&config, Arc::new(ManualClock::default())).err().unwrap();
        assert!(refused.to_string().contains(told), "{refused}");
    }
    assert!(
        ServiceAccounts::of(&ServiceAccountConfig::default(), Arc::new(ManualClock::default()))
            .unwrap()
            .is_none()
    );
}

#[test]
fn account_bound_to_a_source_speaks_for_no_other() {
    let allow = vec!["perceiver perceptor/look kubernetes/prod".to_owned()];
    let config = ServiceAccountConfig { allow, ..Default::default() };
    let accounts = ServiceAccounts::of(&config, Arc::new(ManualClock::default())).unwrap().unwrap();
    let looks = answer("system:serviceaccount:perceptor:look", Some(&["perceptor"]), true);
    let caller = accounts.judge(&looks).unwrap();
    let speaks = |source: &str| caller.check_source(&source.parse().unwrap()).is_ok();
    assert!(speaks("kubernetes/prod") && !speaks("kubernetes/test"));
}
