//! The checklist and the list of excused rows, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

/// The checklist of this workspace.
const CHECKLIST: &str = include_str!("../checklist.json");
/// The rows that do not apply to this workspace.
const EXCUSED: &str = include_str!("../excused.json");

/// Every row, in the order of the RFCs that they come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    /// The groups of rows, in reading order.
    pub groups: Vec<Group>,
    /// The rows, group by group.
    pub rows: Vec<Row>,
    /// Reasons of the rows that do not apply, by id.
    #[serde(skip)]
    pub excused: BTreeMap<String, String>,
}

/// Rows about one subject; their ids begin with the same letter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The letter that the ids of this group begin with.
    pub letter: char,
    /// What the group is about.
    pub title: String,
}

/// One demand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// A letter, a hyphen and two digits: `F-22`.
    pub id: String,
    /// Who has to meet it: any of `AS`, `RS`, `C`, separated by spaces.
    pub role: String,
    /// The word of the source in capitals, or what stands in its place.
    pub level: String,
    /// The part of motekey that it belongs to; `core` is the base system.
    pub feature: String,
    /// The document.
    pub source: String,
    /// The section of the document.
    pub section: String,
    /// The demand, in our words.
    pub requirement: String,
}

/// One entry of `excused.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Excuse {
    id: String,
    reason: String,
}

/// The data files contradict themselves.
#[derive(Debug)]
pub enum ChecklistError {
    /// A file is not JSON of the expected form.
    Json(serde_json::Error),
    /// An id has not the form `F-22`, occurs twice, or belongs to no group.
    Id(String),
    /// An excused row does not exist or has no reason.
    Excuse(String),
}

impl Checklist {
    /// The checklist of this workspace.
    ///
    /// # Errors
    /// When the data files are damaged.
    pub fn load() -> Result<Self, ChecklistError> {
        Self::parse(CHECKLIST, EXCUSED)
    }

    /// Reads a checklist and its excused rows from JSON.
    ///
    /// # Errors
    /// When one of them is not of the expected form, or an id is wrong.
    pub fn parse(checklist: &str, excused: &str) -> Result<Self, ChecklistError> {
        let mut list: Self = serde_json::from_str(checklist)?;
        let excuses: Vec<Excuse> = serde_json::from_str(excused)?;
        let mut seen = BTreeSet::new();
        for row in &list.rows {
            let known = list.id_of(&row.id.to_lowercase().replace('-', "")) == Some(row.id.clone());
            if !known || !seen.insert(row.id.clone()) {
                return Err(ChecklistError::Id(row.id.clone()));
            }
        }
        for Excuse { id, reason } in excuses {
            if !seen.contains(&id) || reason.trim().is_empty() {
                return Err(ChecklistError::Excuse(id));
            }
            list.excused.insert(id, reason);
        }
        Ok(list)
    }

    /// The id that a part of a test name stands for: `f22` is `F-22`. `None` when the part has not the form of
    /// an id (a letter of a group and two digits). Whether the row exists is not looked at.
    #[must_use]
    pub fn id_of(&self, part: &str) -> Option<String> {
        let mut characters = part.chars();
        let letter = characters
            .next()
            .filter(char::is_ascii_lowercase)?
            .to_ascii_uppercase();
        let digits = characters.as_str();
        let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_group = self.groups.iter().any(|group| group.letter == letter);
        (is_number && is_group).then(|| format!("{letter}-{digits}"))
    }

    /// Whether there is a row with this id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.rows.iter().any(|row| row.id == id)
    }
}

impl From<serde_json::Error> for ChecklistError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl fmt::Display for ChecklistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "data file of the checklist: {error}"),
            Self::Id(id) => write!(
                f,
                "checklist: id {id:?} is malformed, repeated or in no group"
            ),
            Self::Excuse(id) => write!(f, "excused: row {id:?} does not exist or has no reason"),
        }
    }
}

impl std::error::Error for ChecklistError {}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = r#"[{"letter":"F","title":"Framework"},{"letter":"P","title":"Keys"}]"#;

    fn list(ids: &[&str], excused: &str) -> Result<Checklist, ChecklistError> {
        let rows: Vec<String> = ids
            .iter()
            .map(|id| {
                format!(
                    r#"{{"id":"{id}","role":"AS","level":"MUST","feature":"core","source":"RFC 9200","section":"5","requirement":"x"}}"#
                )
            })
            .collect();
        Checklist::parse(
            &format!(r#"{{"groups":{GROUPS},"rows":[{}]}}"#, rows.join(",")),
            excused,
        )
    }

    #[test]
    fn the_own_checklist_is_sound() {
        let list = Checklist::load().unwrap();
        assert_eq!(list.rows.len(), 254);
        assert_eq!(
            list.rows.iter().filter(|row| row.feature == "core").count(),
            166
        );
    }

    #[test]
    fn part_of_a_name_is_an_id_only_in_the_exact_form() {
        let list = list(&["F-22", "P-01"], "[]").unwrap();
        let table = [
            ("f22", Some("F-22")),
            ("p01", Some("P-01")),
            ("f99", Some("F-99")),
            ("f", None),
            ("f2", None),
            ("f222", None),
            ("p256", None),
            ("F22", None),
            ("g22", None),
            ("f2x", None),
            ("", None),
            ("é22", None),
            ("22", None),
        ];
        for (part, id) in table {
            assert_eq!(list.id_of(part).as_deref(), id, "{part:?}");
        }
    }

    #[test]
    fn contradictions_in_the_data_are_errors() {
        let excuse = r#"[{"id":"F-22","reason":"no such role here"}]"#;
        assert!(list(&["F-22"], excuse).is_ok());
        assert!(matches!(
            list(&["F-22", "F-22"], "[]"),
            Err(ChecklistError::Id(_))
        ));
        assert!(matches!(list(&["F-2"], "[]"), Err(ChecklistError::Id(_))));
        assert!(matches!(list(&["Q-01"], "[]"), Err(ChecklistError::Id(_))));
        assert!(matches!(
            list(&["P-01"], excuse),
            Err(ChecklistError::Excuse(_))
        ));
        let no_reason = r#"[{"id":"F-22","reason":" "}]"#;
        assert!(matches!(
            list(&["F-22"], no_reason),
            Err(ChecklistError::Excuse(_))
        ));
        assert!(matches!(
            list(&["F-22"], "{}"),
            Err(ChecklistError::Json(_))
        ));
    }
}
