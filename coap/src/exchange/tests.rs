use super::Exchanges;

#[test]
fn the_state_of_an_idle_session_is_small() {
    assert!(
        size_of::<Exchanges>() <= 512,
        "{} bytes",
        size_of::<Exchanges>()
    );
}
