//! Methods of CoAP and sets of them (REST-method-set of RFC 9237 Section 3).

use core::fmt;

/// A method of CoAP that AIF has a bit for (RFC 9237 Figure 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Method {
    /// GET, code 0.01.
    Get = 1,
    /// POST, code 0.02.
    Post = 2,
    /// PUT, code 0.03.
    Put = 3,
    /// DELETE, code 0.04.
    Delete = 4,
    /// FETCH, code 0.05 (RFC 8132).
    Fetch = 5,
    /// PATCH, code 0.06 (RFC 8132).
    Patch = 6,
    /// iPATCH, code 0.07 (RFC 8132).
    Ipatch = 7,
}

impl Method {
    /// All methods in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::Get,
        Self::Post,
        Self::Put,
        Self::Delete,
        Self::Fetch,
        Self::Patch,
        Self::Ipatch,
    ];

    /// The method with a code of CoAP (the whole byte, 1 is 0.01); `None` if AIF names no such method.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Get),
            2 => Some(Self::Post),
            3 => Some(Self::Put),
            4 => Some(Self::Delete),
            5 => Some(Self::Fetch),
            6 => Some(Self::Patch),
            7 => Some(Self::Ipatch),
            _ => None,
        }
    }

    /// The code of CoAP.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name as the RFCs write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Fetch => "FETCH",
            Self::Patch => "PATCH",
            Self::Ipatch => "iPATCH",
        }
    }

    /// The method with that name; capital and small letters are the same.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|method| method.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A set of methods, as bits: bit n is the method with code n + 1, bit n + 32 is its Dynamic form (RFC 9237 Section 3).
///
/// Bits that have no meaning here are kept and written again, but no question is answered with yes because of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodSet(u64);

/// The distance between a method and its Dynamic form (RFC 9237 Section 3).
const DYNAMIC_OFFSET: u32 = 32;

impl MethodSet {
    /// No method.
    pub const EMPTY: Self = Self(0);
    /// The seven methods of [`Method`], without Dynamic forms.
    pub const ALL: Self = Self(0x7f);

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits, also those without a meaning here.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is no bit at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `method` on the listed resource itself is in the set.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & Self::bit(method) != 0
    }

    /// The set and `method`.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | Self::bit(method))
    }

    /// The set and the Dynamic form of `method` (RFC 9237 Section 2.3).
    #[must_use]
    pub const fn with_dynamic(self, method: Method) -> Self {
        Self(self.0 | (Self::bit(method) << DYNAMIC_OFFSET))
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether everything in this set, also every bit without a meaning here, is in `other`.
    #[must_use]
    pub const fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The methods in the set, without Dynamic forms, in the order of their codes.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL
            .into_iter()
            .filter(move |method| self.contains(*method))
    }

    /// Only the methods that this crate acts on.
    // RFC 9237 Section 6: who does not implement the dynamic model applies only what it understands.
    #[must_use]
    pub const fn understood(self) -> Self {
        self.intersection(Self::ALL)
    }

    const fn bit(method: Method) -> u64 {
        1 << (method.code() - 1)
    }
}

impl FromIterator<Method> for MethodSet {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        methods.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Display for MethodSet {
    /// `GET|PUT`, Dynamic forms as `Dynamic-GET`, other bits by number, the empty set as `-`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("-");
        }
        let mut separator = "";
        for bit in (0..u64::BITS).filter(|bit| self.0 >> bit & 1 == 1) {
            formatter.write_str(separator)?;
            separator = "|";
            let number = |bit: u32| u8::try_from(bit + 1).ok().and_then(Method::from_code);
            match (
                number(bit),
                bit.checked_sub(DYNAMIC_OFFSET).and_then(number),
            ) {
                (Some(method), _) => write!(formatter, "{method}")?,
                (None, Some(method)) => write!(formatter, "Dynamic-{method}")?,
                (None, None) => write!(formatter, "bit {bit}")?,
            }
        }
        Ok(())
    }
}
