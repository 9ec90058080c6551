//! Authentication: bearer tokens with a role each, hashed at rest, or vouched for by someone else.

mod caller;
mod rule;
mod token;

pub use caller::{Caller, Scope};
pub use rule::{ExposureError, check_exposure};
pub use token::{Role, Token, TokenFileError, Tokens};

use crate::http::HttpError;
use actix_web::{HttpRequest, http::header::AUTHORIZATION, web};
use api_vocab::Secret;
use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;

/// Who may do what: the tokens in force, whoever else can vouch for a caller, or nobody asked.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    file: Option<TokenFile>,
    reviewer: Option<Arc<dyn TokenReviewer>>,
}

struct TokenFile {
    path: PathBuf,
    tokens: ArcSwap<Tokens>,
}

/// Vouches for tokens that no file holds.
pub trait TokenReviewer: Send + Sync {
    /// Whose token this is; none if nobody's who may anything.
    fn review<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Option<Caller>, HttpError>>;
}

impl Authenticator {
    /// Everybody may do everything; for servers that [`check_exposure`] keeps on loopback.
    pub fn open() -> Self {
        Authenticator(Arc::new(Inner { file: None, reviewer: None }))
    }

    /// Those may who show a token of `file`, or one that `reviewer` vouches for.
    pub fn new(
        file: Option<PathBuf>,
        reviewer: Option<Arc<dyn TokenReviewer>>,
    ) -> Result<Self, TokenFileError> {
        let load = |path: PathBuf| {
            let tokens = ArcSwap::from_pointee(Tokens::load(&path)?);
            Ok::<_, TokenFileError>(TokenFile { path, tokens })
        };
        let file = file.map(load).transpose()?;
        Ok(Authenticator(Arc::new(Inner { file, reviewer })))
    }

    /// The file, for [`crate::reload::watch`]; none where no tokens are configured.
    pub fn files(&self) -> Vec<PathBuf> {
        self.0.file.iter().map(|file| file.path.clone()).collect()
    }

    /// Read the file again; the former tokens stay in force if that fails.
    pub fn reload(&self) -> Result<(), TokenFileError> {
        if let Some(file) = &self.0.file {
            file.tokens.store(Arc::new(Tokens::load(&file.path)?));
        }
        Ok(())
    }

    /// Whether nobody is asked for a token.
    pub fn is_open(&self) -> bool {
        self.0.file.is_none() && self.0.reviewer.is_none()
    }

    /// Who shows this `Authorization` header, if they may act as `role`.
    pub async fn authorize(&self, header: Option<&str>, role: Role) -> Result<Caller, HttpError> {
        if self.is_open() {
            return Ok(Caller::new("", Role::Admin));
        }
        let header = header.ok_or_else(|| {
            HttpError::unauthenticated("no token; expected the header Authorization: Bearer <token>")
        })?;
        let shown = bearer(header).ok_or_else(|| {
            HttpError::unauthenticated("malformed Authorization header; expected Bearer <token>")
        })?;
        let caller = self.identify(shown).await?;
        let caller = caller.ok_or_else(|| HttpError::unauthenticated("unknown token"))?;
        if caller.role.may_act_as(role) {
            Ok(caller)
        } else {
            let has = caller.role;
            Err(HttpError::forbidden(format!("this needs a token of role {role}; yours has role {has}")))
        }
    }

    async fn identify(&self, shown: &str) -> Result<Option<Caller>, HttpError> {
        let known = self.0.file.as_ref().and_then(|file| file.tokens.load().find(shown));
        match (known, &self.0.reviewer) {
            (None, Some(reviewer)) if !Token::is_ours(shown) => {
                reviewer.review(&Secret::new(shown.to_owned())).await
            }
            (known, _) => Ok(known),
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Who sent `request`, if they may act as `role`; asks the [`Authenticator`] in the app's data.
pub fn require(
    request: &HttpRequest,
    role: Role,
) -> impl Future<Output = Result<Caller, HttpError>> + 'static {
    let authenticator = request.app_data::<web::Data<Authenticator>>().cloned();
    let header = request.headers().get(AUTHORIZATION);
    let header = header.map(|value| value.to_str().unwrap_or_default().to_owned());
    async move {
        let authenticator = authenticator.ok_or_else(|| HttpError::bug("the server has no authenticator"))?;
        authenticator.authorize(header.as_deref(), role).await
    }
}

#[cfg(test)]
mod tests;
