use core::fmt;

/// What the list can be asked beyond a full query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// Full queries only.
    Full,
    /// Diff queries too.
    Diff,
    /// Diff queries with the "Cursor" extension.
    Cursor {
        /// MAX_INDEX (RFC 9770 Section 6.2.1).
        max_index: u64,
    },
}

/// What a request asks of the list (RFC 9770 Section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationQuery {
    /// Everything that is in the list now.
    Full,
    /// The latest updates.
    Diff {
        /// How many at most; 0 means as many as there are.
        count: u64,
        /// Only those after the update with this index.
        cursor: Option<u64>,
    },
}

/// What is wrong with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryError {
    /// `diff` is no number.
    Diff,
    /// `cursor` is no number, or above MAX_INDEX.
    Cursor,
    /// `cursor` without `diff`.
    CursorWithoutDiff,
}

impl RevocationQuery {
    /// Reads the Uri-Query options of a request.
    ///
    /// # Errors
    /// [`QueryError`]: the answer is 4.00 with [`super::RevocationProblem`].
    pub fn parse<'a>(
        queries: impl IntoIterator<Item = &'a str>,
        support: Support,
    ) -> Result<Self, QueryError> {
        let mut diff = Parameter::Absent;
        let mut cursor = Parameter::Absent;
        for query in queries {
            let (name, value) = query.split_once('=').unwrap_or((query, ""));
            match name {
                // RFC 9770 Section 6.3: who does not support a kind of query ignores its parameters.
                "diff" if support != Support::Full => diff.read(value),
                "cursor" if matches!(support, Support::Cursor { .. }) => cursor.read(value),
                // RFC 9770 Section 6.3: unknown parameters are silently ignored.
                _ => {}
            }
        }
        // RFC 9770 Section 6.3: a bad value of diff goes first, whatever cursor is.
        let count = match diff {
            Parameter::Bad => return Err(QueryError::Diff),
            Parameter::Absent if cursor != Parameter::Absent => {
                return Err(QueryError::CursorWithoutDiff);
            }
            Parameter::Absent => return Ok(Self::Full),
            Parameter::Number(count) => count,
            Parameter::Huge => u64::MAX,
        };
        let cursor = match (cursor, support) {
            (Parameter::Absent, _) => None,
            (Parameter::Number(index), Support::Cursor { max_index }) if index <= max_index => {
                Some(index)
            }
            _ => return Err(QueryError::Cursor),
        };
        Ok(Self::Diff { count, cursor })
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Diff => "diff is neither 0 nor a positive integer",
            Self::Cursor => {
                "cursor is neither 0 nor a positive integer, or above the highest index"
            }
            Self::CursorWithoutDiff => "cursor is there and diff is not",
        })
    }
}

impl core::error::Error for QueryError {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Absent,
    Number(u64),
    /// An integer above 64 bits.
    Huge,
    /// No integer, or given twice.
    Bad,
}

impl Parameter {
    fn read(&mut self, value: &str) {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        *self = match (&self, digits) {
            (Self::Absent, true) => value.parse().map_or(Self::Huge, Self::Number),
            _ => Self::Bad,
        };
    }
}
