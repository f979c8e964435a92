//! Rules as people write them.

use motekey_cose::scope::{Aif, Method, MethodSet};
use toml::Spanned;

use super::problem::Problem;
use crate::registry::{ScopeKind, ScopeRule};

/// The widest scope that these lines allow.
pub(super) fn rule(
    device: &str,
    kind: ScopeKind,
    lines: &[Spanned<String>],
) -> Result<ScopeRule, Problem> {
    match kind {
        ScopeKind::Text => words(device, lines),
        ScopeKind::Aif => Ok(ScopeRule::Aif(Aif::new(
            lines
                .iter()
                .map(|line| {
                    entry(line.get_ref())
                        .map_err(|error| Problem::at(line.span(), format!("{device}: {error}")))
                })
                .collect::<Result<Vec<_>, _>>()?,
        ))),
    }
}

/// `GET|PUT /relay/1`: methods and a path, which may have a query.
fn entry(text: &str) -> Result<(String, MethodSet), String> {
    let wanted = "wanted methods and a path, such as \"GET|PUT /relay/1\"";
    let (methods, path) = text
        .split_once(' ')
        .ok_or_else(|| format!("the rule {text:?}: {wanted}"))?;
    if !path.starts_with('/')
        || path
            .chars()
            .any(|character| character.is_control() || character == ' ')
    {
        return Err(format!("the rule {text:?}: {wanted}"));
    }
    let mut set = MethodSet::EMPTY;
    for name in methods.split('|') {
        set = set.with(Method::from_name(name).ok_or_else(|| {
            format!("the rule {text:?}: {name:?} is not a method; GET, POST, PUT, DELETE, FETCH, PATCH, iPATCH are")
        })?);
    }
    Ok((path.to_owned(), set))
}

/// Words of a text scope, one or several a line.
fn words(device: &str, lines: &[Spanned<String>]) -> Result<ScopeRule, Problem> {
    for line in lines {
        let text = line.get_ref();
        // RFC 6749 Section 3.3: printable ASCII without quotation mark and backslash.
        let fits = |byte| matches!(byte, b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.trim().is_empty() || !text.bytes().all(fits) {
            return Err(Problem::at(
                line.span(),
                format!(
                    "{device}: the rule {text:?}: wanted words of printable ASCII without quotation marks and backslashes, such as \"read write\""
                ),
            ));
        }
    }
    let all: Vec<&str> = lines.iter().map(|line| line.get_ref().as_str()).collect();
    Ok(ScopeRule::text(&all.join(" ")))
}
