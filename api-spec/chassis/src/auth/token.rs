//! Tokens and the file that holds their hashes: lines of `role sha256hex name`, and for a perceiver the
//! sources that it speaks for, if not for all.

use super::Caller;
use api_vocab::{Secret, sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use subtle::ConstantTimeEq;

const MAX_FILE: u64 = 1 << 20;
/// What tokens of ours begin with, so that a leaked one is recognised for what it is.
const MARK: &str = "perceptor_";

/// What the owner of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Send observations of sources; learn how what they see stands.
    Perceiver,
    /// Ask for leases and report.
    Scanner,
    /// Read everything.
    Reader,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Perceiver, Role::Scanner, Role::Reader, Role::Admin];

    /// The word in the token file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Perceiver => "perceiver",
            Role::Scanner => "scanner",
            Role::Reader => "reader",
            Role::Admin => "admin",
        }
    }

    /// Whether this role may do what `role` may.
    pub fn may_act_as(self, role: Role) -> bool {
        self == Role::Admin || self == role
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Role::ALL.into_iter().find(|role| role.as_str() == word);
        found.ok_or_else(|| {
            format!("unknown role {:?}; expected perceiver, scanner, reader or admin", cut(word))
        })
    }
}

/// A token, as its owner holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(Secret);

impl Token {
    /// The token of 32 bytes that the caller took from a source of randomness.
    pub fn generate(random: [u8; 32]) -> Self {
        Token(Secret::new(format!("{MARK}{}", hex::encode(random))))
    }

    /// Whether a token says of itself that it was made by [`Token::generate`].
    pub fn is_ours(token: &str) -> bool {
        token.starts_with(MARK)
    }

    /// The text, for its owner.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// The line of the token file that lets its owner in.
    pub fn line(&self, owner: &Caller) -> String {
        let Caller { name, role, scope } = owner;
        let mut line = format!("{role} {} {name}", hex::encode(hash(self.0.reveal())));
        for source in scope.sources() {
            line.push_str(&format!(" {source}"));
        }
        line
    }
}

fn hash(token: &str) -> [u8; 32] {
    sha256(token)
}

/// A token file that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It could not be read.
    #[error("read token file {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line in it is not one.
    #[error("token file {path}, line {line}: {reason}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong, and what would be right. Never the line itself.
        reason: String,
    },
    /// There is no token in it: nobody could ever get in.
    #[error("token file {path} holds no token; expected lines of: role sha256hex name", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// The hashes of the tokens in force.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    hash: [u8; 32],
    caller: Caller,
}

impl Tokens {
    /// Read a token file.
    pub fn load(path: &Path) -> Result<Self, TokenFileError> {
        let failed = |source| TokenFileError::Read { path: path.to_owned(), source };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > MAX_FILE {
            return Err(failed(std::io::Error::other("larger than 1 MiB")));
        }
        let tokens = Tokens::parse(&std::fs::read_to_string(path).map_err(failed)?)
            .map_err(|(line, reason)| TokenFileError::Line { path: path.to_owned(), line, reason })?;
        if tokens.0.is_empty() {
            return Err(TokenFileError::Empty { path: path.to_owned() });
        }
        Ok(tokens)
    }

    /// Parse the text of a token file; empty lines and lines that begin with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                entries.push(entry(line).map_err(|reason| (index + 1, reason))?);
            }
        }
        Ok(Tokens(entries))
    }

    /// Whose token this is. Takes the same time whichever it is.
    pub fn find(&self, token: &str) -> Option<Caller> {
        let shown = hash(token);
        let mut found = None;
        for entry in &self.0 {
            if bool::from(entry.hash.ct_eq(&shown)) {
                found = Some(&entry.caller);
            }
        }
        found.cloned()
    }
}

fn entry(line: &str) -> Result<Entry, String> {
    let mut words = line.split_whitespace();
    let (Some(role), Some(digits), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Err("expected three words: role sha256hex name".to_owned());
    };
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash)
        .map_err(|_| "the second word is not a SHA-256 in 64 hexadecimal digits".to_owned())?;
    let caller = Caller::new(cut(name), role.parse()?).speaking_for(words)?;
    Ok(Entry { hash, caller })
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
