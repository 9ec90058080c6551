//! Tests of tokens and roles.

use super::*;
use api_vocab::SourceId;
use futures_util::FutureExt;
use std::io::Write;

fn token(byte: u8) -> Token {
    Token::generate([byte; 32])
}

fn a_file(lines: &[String]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "# tokens\n\n{}", lines.join("\n")).unwrap();
    file
}

fn shown(token: &Token) -> String {
    format!("Bearer {}", token.secret().reveal())
}

/// What a file alone says, which nobody has to wait for.
fn authorize(authenticator: &Authenticator, header: Option<&str>, role: Role) -> Result<Caller, HttpError> {
    authenticator.authorize(header, role).now_or_never().unwrap()
}

#[test]
fn token_of_a_role_may_what_the_role_may() {
    let file = a_file(&Role::ALL.map(|role| token(role as u8).line(&Caller::new("x", role))));
    let authenticator = Authenticator::new(Some(file.path().to_owned()), None).unwrap();
    for has in Role::ALL {
        for needs in Role::ALL {
            let outcome = authorize(&authenticator, Some(&shown(&token(has as u8))), needs);
            let allowed = has == needs || has == Role::Admin;
            assert_eq!(outcome.as_ref().err().map(HttpError::status), (!allowed).then_some(403));
        }
    }
}

#[test]
fn header_without_a_known_token_is_unauthenticated() {
    let file = a_file(&[token(1).line(&Caller::new("ann", Role::Reader))]);
    let authenticator = Authenticator::new(Some(file.path().to_owned()), None).unwrap();
    let basic = shown(&token(1)).replace("Bearer", "Basic");
    for header in [None, Some(""), Some("Bearer"), Some("Bearer "), Some(&*basic), Some(&*shown(&token(2)))] {
        let refused = authorize(&authenticator, header, Role::Reader).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (401, "unauthenticated"), "{header:?}");
    }
    let lower = shown(&token(1)).replace("Bearer", "bearer");
    assert_eq!(authorize(&authenticator, Some(&lower), Role::Reader).unwrap().name, "ann");
}

#[test]
fn file_malformed_is_refused_with_its_line_and_without_its_content() {
    let good = token(1).line(&Caller::new("ann", Role::Reader));
    for (bad, reason) in [
        ("reader", "three words"),
        ("reader secret ann", "64 hexadecimal"),
        (&*good.replace("reader", "root"), "unknown role \"root\""),
        (&*format!("{good} secret"), "no list of sources"),
        (&*format!("{good} docker/host-1"), "only a perceiver"),
    ] {
        let file = a_file(&[good.clone(), bad.to_owned()]);
        let error = Authenticator::new(Some(file.path().to_owned()), None).err().unwrap().to_string();
        assert!(error.contains("line 4") && error.contains(reason) && !error.contains("secret"), "{error}");
    }
    assert!(matches!(
        Authenticator::new(Some(a_file(&[]).path().to_owned()), None),
        Err(TokenFileError::Empty { .. })
    ));
}

#[test]
fn file_changed_is_taken_and_file_broken_is_not() {
    let file = a_file(&[token(1).line(&Caller::new("ann", Role::Reader))]);
    let authenticator = Authenticator::new(Some(file.path().to_owned()), None).unwrap();
    std::fs::write(file.path(), token(2).line(&Caller::new("bob", Role::Admin))).unwrap();
    authenticator.reload().unwrap();
    assert!(authorize(&authenticator, Some(&shown(&token(1))), Role::Reader).is_err());
    std::fs::write(file.path(), "nonsense").unwrap();
    assert!(authenticator.reload().is_err());
    assert_eq!(authorize(&authenticator, Some(&shown(&token(2))), Role::Reader).unwrap().name, "bob");
}

struct Vouching;

impl TokenReviewer for Vouching {
    fn review<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Option<Caller>, HttpError>> {
        let caller = Caller::new("pod", Role::Scanner);
        let known = (token.reveal() == "foreign").then_some(caller);
        std::future::ready(Ok(known)).boxed()
    }
}

#[test]
fn token_that_no_file_holds_is_reviewed_unless_it_is_ours() {
    let authenticator = Authenticator::new(None, Some(Arc::new(Vouching))).unwrap();
    assert!(!authenticator.is_open());
    let scanner = authorize(&authenticator, Some("Bearer foreign"), Role::Scanner).unwrap();
    assert_eq!(scanner.name, "pod");
    assert_eq!(authorize(&authenticator, Some("Bearer foreign"), Role::Admin).unwrap_err().status(), 403);
    for unknown in ["Bearer other", &*shown(&token(1))] {
        let refused = authorize(&authenticator, Some(unknown), Role::Scanner).unwrap_err();
        assert_eq!(refused.status(), 401, "{unknown}");
    }
}

#[test]
fn token_printed_is_hidden() {
    assert!(!format!("{:?}", token(1)).contains("0101"));
}

#[test]
fn perceiver_bound_to_sources_speaks_for_no_other() {
    let source = |text: &str| text.parse::<SourceId>().unwrap();
    let words = ["kubernetes/a", "docker/b"];
    let bound = Caller::new("x", Role::Perceiver).speaking_for(words.into_iter()).unwrap();
    let file = a_file(&[token(1).line(&bound), token(2).line(&Caller::new("y", Role::Perceiver))]);
    let authenticator = Authenticator::new(Some(file.path().to_owned()), None).unwrap();
    let read = authorize(&authenticator, Some(&shown(&token(1))), Role::Perceiver).unwrap();
    assert_eq!(read, bound);
    for (asked, allowed) in
        [("kubernetes/a", true), ("docker/b", true), ("docker/a", false), ("kubernetes/A", false)]
    {
        let outcome = read.check_source(&source(asked));
        assert_eq!(outcome.err().map(|error| error.status()), (!allowed).then_some(403), "{asked}");
    }
    let free = authorize(&authenticator, Some(&shown(&token(2))), Role::Perceiver).unwrap();
    assert!(free.check_source(&source("docker/a")).is_ok());
}
