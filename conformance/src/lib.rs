//! Which row of the conformance checklist is shown by which test.
//!
//! The checklist (`checklist.json`) holds what the RFCs demand of an authorization server, a resource server and
//! a client, one row per demand, each with an id such as `F-22`. A test that shows a row carries its id at the
//! beginning of its name: `fn f22_success_is_2_01_with_a_map()`, or several: `fn c01_c06_..()`. This crate reads
//! the test names from the sources of the workspace and writes `CONFORMANCE.md` from them; a test of the crate
//! fails when that file is out of date or a test names a row that does not exist.
//!
//! Rows that this project does not have to meet are listed in `excused.json`, each with its reason.

pub mod checklist;
pub mod report;
pub mod scan;
