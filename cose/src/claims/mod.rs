//! The claims of a CBOR Web Token (RFC 8392 Section 3, RFC 8747, RFC 9200 Section 5.10).

mod date;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use date::NumericDate;

use crate::cbor::{CborError, Kind, Label, Limits, MapReader, MapWriter, Value};
use crate::confirmation::{Confirmation, ConfirmationError};
use crate::registry::claim;
use crate::scope::Scope;

const NAMES: &[Label] = &[
    Label {
        number: claim::ISS,
        name: "iss",
    },
    Label {
        number: claim::SUB,
        name: "sub",
    },
    Label {
        number: claim::AUD,
        name: "aud",
    },
    Label {
        number: claim::EXP,
        name: "exp",
    },
    Label {
        number: claim::NBF,
        name: "nbf",
    },
    Label {
        number: claim::IAT,
        name: "iat",
    },
    Label {
        number: claim::CTI,
        name: "cti",
    },
    Label {
        number: claim::CNF,
        name: "cnf",
    },
    Label {
        number: claim::SCOPE,
        name: "scope",
    },
    Label {
        number: claim::ACE_PROFILE,
        name: "ace_profile",
    },
    Label {
        number: claim::CNONCE,
        name: "cnonce",
    },
    Label {
        number: claim::EXI,
        name: "exi",
    },
];

/// What a token says. Every claim is optional in the format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimsSet {
    /// `iss` (1): who issued the token.
    pub iss: Option<String>,
    /// `sub` (2): about whom it speaks.
    pub sub: Option<String>,
    /// `aud` (3): for whom it is meant.
    pub aud: Option<Audience>,
    /// `exp` (4): from then on it is not accepted.
    pub exp: Option<NumericDate>,
    /// `nbf` (5): before then it is not accepted.
    pub nbf: Option<NumericDate>,
    /// `iat` (6): when it was issued.
    pub iat: Option<NumericDate>,
    /// `cti` (7): identifier of the token.
    pub cti: Option<Vec<u8>>,
    /// `cnf` (8): the proof-of-possession key.
    pub cnf: Option<Confirmation>,
    /// `scope` (9): what it allows.
    pub scope: Option<Scope>,
    /// `ace_profile` (38): number of the ACE profile.
    pub ace_profile: Option<i64>,
    /// `cnonce` (39): the nonce of the resource server, copied.
    pub cnonce: Option<Vec<u8>>,
    /// `exi` (40): lifetime in seconds from the moment in which the resource server first sees it.
    pub exi: Option<u64>,
}

/// The values of `cnf` and `scope`, not read yet.
#[derive(Default)]
pub(crate) struct UnreadRights<'a> {
    cnf: Option<Value<'a>>,
    scope: Option<Value<'a>>,
}

/// For whom a token is meant (RFC 8392 Section 3.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// One text string.
    One(String),
    /// An array of text strings.
    Many(Vec<String>),
}

/// Why bytes are not a claims set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimsError {
    /// Not the CBOR that is wanted.
    Cbor(CborError),
    /// `cnf` is refused.
    Confirmation(ConfirmationError),
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(error) => error.fmt(formatter),
            Self::Confirmation(error) => write!(formatter, "cnf (8): {error}"),
        }
    }
}

impl core::error::Error for ClaimsError {}

impl From<CborError> for ClaimsError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

impl From<ConfirmationError> for ClaimsError {
    fn from(error: ConfirmationError) -> Self {
        Self::Confirmation(error)
    }
}

impl ClaimsSet {
    /// Reads an encoded claims set.
    ///
    /// # Errors
    /// [`ClaimsError`]; a claim of a type that its definition does not allow is an error, an unknown claim is not.
    pub fn decode(bytes: &[u8]) -> Result<Self, ClaimsError> {
        let (mut claims, rights) = Self::decode_without_rights(bytes)?;
        claims.read_rights(&rights)?;
        Ok(claims)
    }

    /// Reads all claims but `cnf` and `scope`, whose values are given back unread: whoever checks claims in an order
    /// looks at others first.
    pub(crate) fn decode_without_rights(
        bytes: &[u8],
    ) -> Result<(Self, UnreadRights<'_>), ClaimsError> {
        let mut members = MapReader::parse(bytes, Limits::DEFAULT, NAMES)?;
        let mut claims = Self::default();
        let mut rights = UnreadRights::default();
        while let Some((label, value)) = members.next_member()? {
            match label {
                claim::CNF => rights.cnf = Some(value),
                claim::SCOPE => rights.scope = Some(value),
                // RFC 8392 Section 3: claims that are not understood are ignored.
                _ => drop(claims.read_claim(label, &value)?),
            }
        }
        Ok((claims, rights))
    }

    /// Reads what [`ClaimsSet::decode_without_rights`] left.
    pub(crate) fn read_rights(&mut self, rights: &UnreadRights<'_>) -> Result<(), ClaimsError> {
        if let Some(value) = &rights.scope {
            self.scope = Some(Scope::read(value)?);
        }
        if let Some(value) = &rights.cnf {
            self.cnf = Some(Confirmation::read(value)?);
        }
        Ok(())
    }

    /// The encoded claims set.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut map = MapWriter::with_capacity(CAPACITY);
        self.write_identity(&mut map);
        self.write_rights(&mut map);
        map.integer(claim::ACE_PROFILE, self.ace_profile);
        map.bytes(claim::CNONCE, self.cnonce.as_deref());
        map.unsigned(claim::EXI, self.exi);
        map.finish()
    }

    /// Whether `exp` says that the token is over at `now`. A token without `exp` is not over.
    // RFC 8392 Section 3.1.4: on or after exp the token is not accepted.
    #[must_use]
    pub fn is_expired(&self, now: NumericDate) -> bool {
        self.exp.is_some_and(|exp| !exp.is_after(now))
    }

    /// Whether `nbf` says that the time of the token has not come at `now`.
    #[must_use]
    pub fn is_not_yet_valid(&self, now: NumericDate) -> bool {
        self.nbf.is_some_and(|nbf| nbf.is_after(now))
    }

    /// Takes over one claim; says whether it is one of these.
    pub(crate) fn read_claim(
        &mut self,
        label: i64,
        value: &Value<'_>,
    ) -> Result<bool, ClaimsError> {
        match label {
            claim::ISS => self.iss = Some(value.text()?.into()),
            claim::SUB => self.sub = Some(value.text()?.into()),
            claim::AUD => self.aud = Some(Audience::read(value)?),
            claim::EXP => self.exp = Some(NumericDate::read(value)?),
            claim::NBF => self.nbf = Some(NumericDate::read(value)?),
            claim::IAT => self.iat = Some(NumericDate::read(value)?),
            claim::CTI => self.cti = Some(value.bytes()?.into()),
            claim::CNF => self.cnf = Some(Confirmation::read(value)?),
            claim::SCOPE => self.scope = Some(Scope::read(value)?),
            claim::ACE_PROFILE => self.ace_profile = Some(value.integer()?),
            claim::CNONCE => self.cnonce = Some(value.bytes()?.into()),
            claim::EXI => self.exi = Some(value.unsigned()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Claims 1 to 7.
    pub(crate) fn write_identity(&self, map: &mut MapWriter) {
        map.text(claim::ISS, self.iss.as_deref());
        map.text(claim::SUB, self.sub.as_deref());
        if let Some(audience) = &self.aud {
            audience.write(map);
        }
        let dates = [
            (claim::EXP, self.exp),
            (claim::NBF, self.nbf),
            (claim::IAT, self.iat),
        ];
        for (label, date) in dates {
            if let Some(date) = date {
                date.write(map.entry(label));
            }
        }
        map.bytes(claim::CTI, self.cti.as_deref());
    }

    /// Claims 8 and 9.
    pub(crate) fn write_rights(&self, map: &mut MapWriter) {
        Confirmation::write(self.cnf.as_ref(), claim::CNF, map);
        Scope::write(self.scope.as_ref(), claim::SCOPE, map);
    }
}

/// Room for the claims of a usual token.
const CAPACITY: usize = 256;

impl Audience {
    /// Whether `name` is one of those for whom the token is meant.
    // RFC 8392 Section 3.1.3, RFC 7519 Section 4.1.3: the recipient is one of the strings, compared byte by byte.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|audience| audience == name)
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(name) => core::slice::from_ref(name),
            Self::Many(names) => names.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }

    fn read(value: &Value<'_>) -> Result<Self, CborError> {
        match value.kind() {
            Kind::Text => Ok(Self::One(value.text()?.into())),
            Kind::Array => {
                let mut elements = value.array()?;
                let mut names = Vec::new();
                while let Some(element) = elements.next_element()? {
                    names.push(element.text()?.into());
                }
                Ok(Self::Many(names))
            }
            _ => Err(value.unwanted("a text string or an array of them")),
        }
    }

    fn write(&self, map: &mut MapWriter) {
        let writer = map.entry(claim::AUD);
        match self {
            Self::One(name) => writer.text(name),
            Self::Many(names) => {
                writer.array(names.len());
                names.iter().for_each(|name| writer.text(name));
            }
        }
    }
}

impl From<&str> for Audience {
    fn from(name: &str) -> Self {
        Self::One(name.into())
    }
}

#[cfg(test)]
mod tests;
