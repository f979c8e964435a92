use super::{Assemblies, Block, BlockSize, Bodies, Budget, Operation, Part, Progress};
use crate::endpoint::EndpointConfig;
use crate::message::options::number;
use crate::message::{Code, Options, Response};
use crate::time::Instant;

fn config() -> EndpointConfig {
    EndpointConfig {
        max_body: 100,
        block_size: BlockSize::B32,
        ..EndpointConfig::default()
    }
}

fn operation(path: &str) -> Operation {
    let mut options = Options::new();
    options.add(number::URI_PATH, path.as_bytes());
    Operation::new(Code::POST, &options)
}

const fn block(number: u32, more: bool) -> Block {
    Block {
        number,
        more,
        size: BlockSize::B16,
    }
}

#[test]
fn block_values_are_those_of_rfc_7959() {
    for (value, number, more, bytes) in [
        (0x00, 0, false, 16),
        (0x0e, 0, true, 1024),
        (0x32, 3, false, 64),
    ] {
        let block = Block::from_value(value).unwrap();
        assert_eq!(
            (block.number, block.more, block.size.bytes()),
            (number, more, bytes)
        );
        assert_eq!(block.value(), value);
    }
    assert!(Block::from_value(7).is_err());
}

#[test]
fn h07_blocks_are_joined_in_order_only() {
    let (config, budget, now) = (config(), Budget::new(1000), Instant::ZERO);
    let continued = Progress::Continue;
    let incomplete = Progress::Refused(Code::REQUEST_ENTITY_INCOMPLETE);
    let bad = Progress::Refused(Code::BAD_REQUEST);
    let mut assemblies = Assemblies::default();
    for (what, block, length, expected) in [
        ("nothing before", block(1, true), 16, &incomplete),
        ("first", block(0, true), 16, &continued),
        ("gap", block(2, true), 16, &incomplete),
        ("short block in the middle", block(1, true), 15, &bad),
        ("block longer than its size", block(1, false), 17, &bad),
        ("second", block(1, true), 16, &continued),
        ("second again", block(1, true), 16, &incomplete),
        ("last", block(2, false), 3, &Progress::Complete(vec![7; 35])),
        ("after the end", block(3, false), 3, &incomplete),
    ] {
        let payload = vec![7; length];
        let progress = assemblies.accept(
            now,
            &config,
            &budget,
            Part {
                operation: operation("a"),
                block,
                payload: &payload,
                announced: None,
            },
        );
        assert_eq!(&progress, expected, "{what}");
    }
    assert_eq!(budget.left(), 1000);
}

#[test]
fn h07_body_memory_is_bounded() {
    let (config, now) = (config(), Instant::ZERO);
    let too_large = Progress::Refused(Code::REQUEST_ENTITY_TOO_LARGE);
    let mut assemblies = Assemblies::default();
    let budget = Budget::new(1000);
    let mut accept = |budget: &Budget, name: &str, number, size| {
        assemblies.accept(
            now,
            &config,
            budget,
            Part {
                operation: operation(name),
                block: block(number, true),
                payload: &[0; 16],
                announced: size,
            },
        )
    };
    assert_eq!(accept(&budget, "announced", 0, Some(101)), too_large);
    for number in 0..6 {
        assert_eq!(accept(&budget, "long", number, None), Progress::Continue);
    }
    assert_eq!(accept(&budget, "long", 6, None), too_large);
    assert_eq!(budget.left(), 1000);
    let small = Budget::new(20);
    assert_eq!(accept(&small, "a", 0, None), Progress::Continue);
    assert_eq!(accept(&small, "a", 1, None), too_large);
    // Two at a time: the oldest is dropped.
    for name in ["x", "y", "z"] {
        assert_eq!(accept(&budget, name, 0, None), Progress::Continue);
    }
    assert_eq!(budget.left(), 1000 - 32);
    assert_eq!(assemblies.expire(now + config.body_time_limit), 2);
    assert_eq!(budget.left(), 1000);
}

#[test]
fn h08_a_body_is_cut_into_blocks_with_one_etag() {
    let (config, budget, now) = (config(), Budget::new(1000), Instant::ZERO);
    let mut response = Response::new(Code::CONTENT);
    response.payload = (0..70).collect();
    let mut bodies = Bodies::default();
    let first = bodies.first_block(
        now,
        &config,
        &budget,
        operation("a"),
        response.clone(),
        None,
    );
    let mut received = first.payload.clone();
    let mut number = 1;
    loop {
        let wanted = Block {
            number,
            more: false,
            size: BlockSize::B32,
        };
        let part = bodies
            .next_block(now, &config, operation("a"), wanted)
            .unwrap();
        assert_eq!(part.options.etag(), first.options.etag());
        received.extend(&part.payload);
        if !part.options.block(number::BLOCK2).unwrap().unwrap().more {
            break;
        }
        number += 1;
    }
    assert_eq!(received, response.payload);
    assert_eq!(budget.left(), 1000, "the last block frees the body");
}

#[test]
fn a_smaller_wanted_block_wins_and_bodies_beyond_the_limits_are_not_kept() {
    let (config, budget, now) = (config(), Budget::new(90), Instant::ZERO);
    let mut response = Response::new(Code::CONTENT);
    response.payload = vec![1; 60];
    let mut bodies = Bodies::default();
    let first = bodies.first_block(
        now,
        &config,
        &budget,
        operation("a"),
        response.clone(),
        Some(block(0, false)),
    );
    assert_eq!(first.payload.len(), 16);
    let refused = bodies.first_block(
        now,
        &config,
        &budget,
        operation("b"),
        response.clone(),
        None,
    );
    assert_eq!(refused.code, Code::SERVICE_UNAVAILABLE);
    let beyond = bodies
        .next_block(now, &config, operation("a"), block(9, false))
        .unwrap();
    assert_eq!(beyond.code, Code::BAD_REQUEST);
    assert_eq!(bodies.expire(now + config.body_time_limit), 1);
    assert_eq!(budget.left(), 90);
}
