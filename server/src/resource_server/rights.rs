//! What a scope means here: which methods on which resources.

use std::collections::HashMap;
use std::sync::Arc;

use motekey_cose::scope::{Aif, Method, Permission, Scope};

use motekey_coap::message::Code;

/// The rights that come with one token.
#[derive(Debug, Clone)]
pub(super) struct Rights {
    pub(super) scope: Arc<Scope>,
    allowed: Arc<Aif>,
}

impl Rights {
    /// What the token allows for `method` on `target`, a path with its query.
    pub(super) fn permits(&self, target: &str, method: Code) -> Permission {
        match Method::from_code(method.0) {
            Some(method) => self.allowed.permits(target, method),
            // A method that AIF has no bit for is allowed to nobody.
            None => match self.allowed.permits(target, Method::Get) {
                Permission::PathNotCovered => Permission::PathNotCovered,
                _ => Permission::MethodNotCovered,
            },
        }
    }
}

/// The scopes that a resource server understands.
#[derive(Debug, Clone, Default)]
pub(super) struct Meanings {
    words: HashMap<String, Aif>,
}

impl Meanings {
    /// Says what a word of a text scope allows.
    pub(super) fn add(&mut self, word: String, allowed: Aif) {
        self.words.insert(word, allowed);
    }

    /// The rights of a scope, or why it is not understood (RFC 9200 Section 5.10.1.1: 4.00).
    pub(super) fn rights(&self, scope: &Scope) -> Result<Rights, String> {
        let allowed = match scope {
            // RFC 9237 Section 6: what is not understood gives nothing.
            Scope::Binary(_) => scope.aif().map_err(|error| error.to_string())?.understood(),
            Scope::Text(_) => self.of_words(scope)?,
        };
        Ok(Rights {
            scope: Arc::new(scope.clone()),
            allowed: Arc::new(allowed),
        })
    }

    fn of_words(&self, scope: &Scope) -> Result<Aif, String> {
        let mut words = scope.words().peekable();
        if words.peek().is_none() {
            return Err("the scope is empty".to_owned());
        }
        words.try_fold(Aif::default(), |all, word| match self.words.get(word) {
            Some(allowed) => Ok(all.union(allowed)),
            None => Err(format!("the scope {word} is not known")),
        })
    }
}
