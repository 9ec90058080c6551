//! `perceptor token`: a new bearer token, shown once.

use super::WrongInput;
use crate::cli::TokenArgs;
use anyhow::Result;
use api_chassis::auth::{Caller, Role, Token};
use std::io::Write;

pub fn run(args: &TokenArgs, out: &mut dyn Write) -> Result<()> {
    let role = Role::ALL.into_iter().find(|role| role.as_str() == args.role).ok_or_else(|| {
        let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        WrongInput(format!("there is no role {:?}; expected one of: {}", args.role, roles.join(", ")))
    })?;
    let well_formed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if args.name.is_empty() || !args.name.chars().all(well_formed) {
        let message =
            format!("not a token's name: {:?}; expected letters, digits, '.', '_' and '-'", args.name);
        return Err(WrongInput(message).into());
    }
    let owner = Caller::new(&*args.name, role).speaking_for(args.source.iter().map(String::as_str));
    let owner = owner.map_err(WrongInput)?;
    let token = Token::generate(rand::random());
    writeln!(out, "token (shown once, keep it in a file of mode 0600):\n{}\n", token.secret().reveal())?;
    writeln!(out, "line for the core's token file:\n{}", token.line(&owner))?;
    Ok(())
}
