//! Authentication: bearer tokens with a role each, hashed at rest.

mod rule;
mod token;

pub use rule::{ExposureError, check_exposure};
pub use token::{Role, Token, TokenFileError, Tokens};

use crate::http::HttpError;
use actix_web::{HttpRequest, http::header::AUTHORIZATION, web};
use arc_swap::ArcSwap;
use std::path::PathBuf;
use std::sync::Arc;

/// Who may do what: the tokens in force, or nobody asked.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Open,
    Tokens { file: PathBuf, tokens: ArcSwap<Tokens> },
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, as the file has it; empty where no tokens are configured.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

impl Authenticator {
    /// Everybody may do everything; for servers that [`check_exposure`] keeps on loopback.
    pub fn open() -> Self {
        Authenticator(Arc::new(Inner::Open))
    }

    /// Those may who show a token of `file`.
    pub fn load(file: PathBuf) -> Result<Self, TokenFileError> {
        let tokens = ArcSwap::from_pointee(Tokens::load(&file)?);
        Ok(Authenticator(Arc::new(Inner::Tokens { file, tokens })))
    }

    /// The file, for [`crate::reload::watch`]; none where no tokens are configured.
    pub fn files(&self) -> Vec<PathBuf> {
        match &*self.0 {
            Inner::Open => Vec::new(),
            Inner::Tokens { file, .. } => vec![file.clone()],
        }
    }

    /// Read the file again; the former tokens stay in force if that fails.
    pub fn reload(&self) -> Result<(), TokenFileError> {
        if let Inner::Tokens { file, tokens } = &*self.0 {
            tokens.store(Arc::new(Tokens::load(file)?));
        }
        Ok(())
    }

    /// Whether tokens are asked for.
    pub fn is_open(&self) -> bool {
        matches!(&*self.0, Inner::Open)
    }

    /// Who shows this `Authorization` header, if they may act as `role`.
    pub fn authorize(&self, header: Option<&str>, role: Role) -> Result<Caller, HttpError> {
        let Inner::Tokens { tokens, .. } = &*self.0 else {
            return Ok(Caller { name: String::new(), role: Role::Admin });
        };
        let header = header.ok_or_else(|| {
            HttpError::unauthenticated("no token; expected the header Authorization: Bearer <token>")
        })?;
        let shown = bearer(header).ok_or_else(|| {
            HttpError::unauthenticated("malformed Authorization header; expected Bearer <token>")
        })?;
        let tokens = tokens.load();
        let caller = tokens.find(shown).ok_or_else(|| HttpError::unauthenticated("unknown token"))?;
        if caller.role.may_act_as(role) {
            Ok(caller)
        } else {
            let has = caller.role;
            Err(HttpError::forbidden(format!("this needs a token of role {role}; yours has role {has}")))
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Who sent `request`, if they may act as `role`; asks the [`Authenticator`] in the app's data.
pub fn require(request: &HttpRequest, role: Role) -> Result<Caller, HttpError> {
    let authenticator = request
        .app_data::<web::Data<Authenticator>>()
        .ok_or_else(|| HttpError::bug("the server has no authenticator"))?;
    let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    authenticator.authorize(header, role)
}

#[cfg(test)]
mod tests;
