use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::*;

const GET: MethodSet = MethodSet::from_bits(1);
const POST: MethodSet = MethodSet::from_bits(2);
const PUT: MethodSet = MethodSet::from_bits(4);

fn example() -> Aif {
    Aif::new([
        ("/s/temp", GET),
        ("/a/led", GET.union(PUT)),
        ("/dtls", POST),
    ])
}

#[test]
fn a01_what_is_not_listed_is_refused() {
    let aif = example();
    let cases = [
        ("/s/temp", Method::Get, Permission::Allowed),
        ("/s/temp", Method::Put, Permission::MethodNotCovered),
        ("/a/led", Method::Get, Permission::Allowed),
        ("/a/led", Method::Put, Permission::Allowed),
        ("/a/led", Method::Ipatch, Permission::MethodNotCovered),
        ("/dtls", Method::Post, Permission::Allowed),
        ("/dtls", Method::Get, Permission::MethodNotCovered),
        ("/", Method::Get, Permission::PathNotCovered),
        ("/other", Method::Get, Permission::PathNotCovered),
    ];
    for (target, method, wanted) in cases {
        assert_eq!(aif.permits(target, method), wanted, "{method} {target}");
    }
    let nothing = Aif::decode(&[0x80]).unwrap();
    assert!(nothing.is_empty());
    for method in Method::ALL {
        assert_eq!(
            nothing.permits("/s/temp", method),
            Permission::PathNotCovered
        );
    }
}

#[test]
fn a04_equal_paths_are_merged() {
    let bytes = [
        0x83, 0x82, 0x62, b'/', b'a', 1, 0x82, 0x62, b'/', b'b', 2, 0x82, 0x62, b'/', b'a', 4,
    ];
    let aif = Aif::decode(&bytes).unwrap();
    assert_eq!(aif, Aif::new([("/a", GET.union(PUT)), ("/b", POST)]));
    assert_eq!(
        aif.encode(),
        [0x82, 0x82, 0x62, b'/', b'a', 5, 0x82, 0x62, b'/', b'b', 2]
    );
}

#[test]
fn a05_the_match_is_exact_on_path_and_query() {
    // (listed, requested, equal)
    let cases = [
        ("/a", "/a", true),
        ("/a", "/a/led", false),
        ("/a/led", "/a", false),
        ("/a", "/a/", false),
        ("/a", "/A", false),
        ("/a/led", "/a%2Fled", false),
        ("/a%2Fled", "/a%2fled", true),
        ("/a%2Fled", "/a/led", false),
        ("/%61/led", "/a/led", true),
        ("/a", "/a?x=1", false),
        ("/a?x=1", "/a", false),
        ("/a?x=1", "/a?x=1", true),
        ("/a?x=1", "/a?x=2", false),
        ("/a?x=1", "/a?x=1&y=2", false),
        ("/a?x=1&y=2", "/a?y=2&x=1", false),
        ("/a?x=1&y=2", "/a?x=1%26y=2", false),
        ("/a?x", "/a%3Fx", false),
        ("/a?", "/a", false),
        ("/a/../b", "/b", false),
        ("/a/./b", "/a/b", false),
        ("/a*", "/ab", false),
        ("a", "/a", false),
        ("", "/", false),
        ("/", "/", true),
        ("/%", "/%25", false),
        ("/%zz", "/%25zz", false),
        ("/b%C3%BCro", "/b%c3%bcro", true),
        ("/büro", "/b%C3%BCro", true),
    ];
    for (listed, requested, equal) in cases {
        let wanted = if equal {
            Permission::Allowed
        } else {
            Permission::PathNotCovered
        };
        let aif = Aif::new([(listed, GET)]);
        assert_eq!(
            aif.permits(requested, Method::Get),
            wanted,
            "{listed} for {requested}"
        );
    }
}

#[test]
fn a05_options_become_a_path_in_one_way_only() {
    let none: &[&str] = &[];
    let cases: &[(&[&str], &[&str], &str)] = &[
        (none, none, "/"),
        (&["a", "led"], none, "/a/led"),
        (&["a/led"], none, "/a%2Fled"),
        (&["a", ""], none, "/a/"),
        (&["a%2Fled"], none, "/a%252Fled"),
        (&["a?x"], none, "/a%3Fx"),
        (&["a"], &["x=1", "y"], "/a?x=1&y"),
        (&["a"], &["x=1&y"], "/a?x=1%26y"),
        (&["a"], &["x=/?"], "/a?x=/?"),
        (&["a"], &[""], "/a?"),
        (&["büro"], none, "/b%C3%BCro"),
        (&["a b", "c\u{0}"], none, "/a%20b/c%00"),
    ];
    for (segments, queries, wanted) in cases {
        let text = local_part(segments.iter().copied(), queries.iter().copied());
        assert_eq!(text, *wanted);
        assert_eq!(
            Aif::new([(*wanted, GET)]).permits(&text, Method::Get),
            Permission::Allowed,
            "{wanted}"
        );
    }
}

#[test]
fn a06_bits_that_are_not_understood_allow_nothing() {
    for bit in (7..64).filter(|bit| *bit != 32) {
        let aif = Aif::new([("/a", MethodSet::from_bits(1 << bit | 1))]);
        for method in Method::ALL {
            let wanted = if method == Method::Get {
                Permission::Allowed
            } else {
                Permission::MethodNotCovered
            };
            assert_eq!(aif.permits("/a", method), wanted, "bit {bit}, {method}");
        }
        assert_eq!(aif.understood(), Aif::new([("/a", GET)]), "bit {bit}");
    }
    let dynamic = Aif::new([("/a", MethodSet::EMPTY.with_dynamic(Method::Get))]);
    assert_eq!(
        dynamic.permits("/a", Method::Get),
        Permission::MethodNotCovered
    );
    assert!(dynamic.understood().is_empty());
}

#[test]
fn a06_a_method_set_that_is_no_unsigned_integer_of_64_bits_is_refused() {
    let cases: &[(&str, &[u8], &str)] = &[
        (
            "negative",
            &[0x81, 0x82, 0x61, b'/', 0x20],
            "scope: got a negative integer, wanted an unsigned integer",
        ),
        (
            "bignum",
            &[0x81, 0x82, 0x61, b'/', 0xc2, 0x41, 1],
            "scope: got a tagged item, wanted an unsigned integer",
        ),
        (
            "float",
            &[0x81, 0x82, 0x61, b'/', 0xf9, 0x3c, 0],
            "scope: got a floating-point number, wanted an unsigned integer",
        ),
        (
            "three elements",
            &[0x81, 0x83, 0x61, b'/', 1, 1],
            "scope: got an array of 3, wanted a pair of path and methods",
        ),
        (
            "one element",
            &[0x81, 0x81, 0x61, b'/'],
            "scope: got an array of 1, wanted a pair of path and methods",
        ),
        (
            "bytes as path",
            &[0x81, 0x82, 0x41, b'/', 1],
            "scope: got a byte string, wanted a text string",
        ),
        (
            "flat",
            &[0x82, 0x61, b'/', 1],
            "scope: got a text string, wanted an array",
        ),
        (
            "map",
            &[0xa1, 0x61, b'/', 1],
            "scope: got a map, wanted an array",
        ),
        (
            "trailing byte",
            &[0x80, 0],
            "scope: 1 bytes follow the item",
        ),
        ("empty", &[], "scope: the input ends inside an item"),
    ];
    for (name, bytes, wanted) in cases {
        assert_eq!(
            Aif::decode(bytes).unwrap_err().to_string(),
            *wanted,
            "{name}"
        );
    }
}

#[test]
fn narrowing_gives_what_both_allow() {
    let policy = Aif::new([("/a/led", MethodSet::ALL), ("/s/temp", GET), ("/x", PUT)]);
    let wish = Aif::new([
        ("/s/temp", GET.union(PUT)),
        ("/a/led", PUT.union(MethodSet::from_bits(1 << 35 | 1 << 60))),
        ("/x", GET),
        ("/y", GET),
    ]);
    let narrowed = wish.intersection(&policy);
    assert_eq!(narrowed, Aif::new([("/s/temp", GET), ("/a/led", PUT)]));
    assert!(narrowed.is_subset_of(&policy) && narrowed.is_subset_of(&wish));
    assert!(!wish.is_subset_of(&policy));
    assert!(!Aif::new([("/a/led", MethodSet::from_bits(1 << 60))]).is_subset_of(&policy));
    assert!(Aif::default().is_subset_of(&Aif::default()));
    let union = narrowed.union(&Aif::new([("/a/led", GET), ("/z", POST)]));
    assert_eq!(union.to_string(), "GET /s/temp, GET|PUT /a/led, POST /z");
    assert_eq!(union.methods("/a/led"), GET.union(PUT));
    assert_eq!(union.methods("/none"), MethodSet::EMPTY);
}

#[test]
fn scopes_are_shown_in_readable_form() {
    let dynamic = MethodSet::EMPTY
        .with(Method::Post)
        .with_dynamic(Method::Get)
        .with_dynamic(Method::Delete);
    let cases = [
        (
            Scope::from(&example()),
            "GET /s/temp, GET|PUT /a/led, POST /dtls",
        ),
        (
            Scope::from(&Aif::new([("/a/make-coffee", dynamic)])),
            "POST|Dynamic-GET|Dynamic-DELETE /a/make-coffee",
        ),
        (
            Scope::from(&Aif::new([("/a", MethodSet::from_bits(1 << 60 | 1 << 6))])),
            "iPATCH|bit 60 /a",
        ),
        (Scope::from(&Aif::new([("/a", MethodSet::EMPTY)])), "- /a"),
        (Scope::from(&Aif::default()), "nothing"),
        (Scope::Text("read write".into()), "read write"),
        (Scope::Binary(vec![0xff, 1]), "0xff01"),
    ];
    for (scope, wanted) in cases {
        assert_eq!(scope.to_string(), wanted);
    }
}

#[test]
fn text_scopes_are_split_into_words() {
    let words = |text: &str| {
        Scope::Text(text.into())
            .words()
            .map(Into::into)
            .collect::<Vec<String>>()
    };
    assert_eq!(words("rTempC wLed"), ["rTempC", "wLed"]);
    assert_eq!(words("  a  b "), ["a", "b"]);
    assert!(words("").is_empty());
    assert_eq!(Scope::Binary(vec![0x61, b'a']).words().count(), 0);
    assert_eq!(Scope::Text("a".into()).aif(), Err(ScopeError::NotBinary));
}

#[test]
fn methods_have_codes_and_names() {
    for (code, name) in (1..=7).zip(["GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"]) {
        let method = Method::from_code(code).unwrap();
        assert_eq!((method.code(), method.name()), (code, name));
        assert_eq!(Method::from_name(&name.to_ascii_lowercase()), Some(method));
    }
    assert_eq!([0, 8, 69].map(Method::from_code), [None; 3]);
    assert_eq!(Method::from_name("SUBSCRIBE"), None);
    assert_eq!(MethodSet::ALL.iter().collect::<MethodSet>(), MethodSet::ALL);
}
