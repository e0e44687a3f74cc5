//! What cannot be processed goes to the dead letters, and the partition goes on.

use crate::harness::{House, line};

crate::on_each_log!(rejected_and_panicking_records_are_put_aside, what_does_not_fit_is_put_aside);

fn rejected_and_panicking_records_are_put_aside(house: &House) {
    for value in ["go", "bad", "go", "panic", "go"] {
        house.append("stream", 0, "a", value);
    }
    let runtime = house.start();
    assert_eq!(house.wait_for_outputs(3), ["a=go#1", "a=go#2", "a=go#3"]);
    let letters = house.read("stream.dead-letters");
    assert_eq!(letters.iter().map(line).collect::<Vec<_>>(), ["a=bad", "a=panic"]);
    let header = |index: usize, name: &str| String::from_utf8(letters[index].header(name).unwrap().to_vec()).unwrap();
    assert_eq!(header(0, "dead-letter-cause"), "malformed");
    assert_eq!(header(0, "dead-letter-detail"), "it says bad");
    assert_eq!(header(0, "dead-letter-origin"), format!("{}/0/1", house.topic("stream")));
    assert_eq!(header(0, "dead-letter-attempts"), "1");
    assert_eq!(header(1, "dead-letter-cause"), "panic");
    runtime.stop();
}

/// Records of which others come that are too large for the log.
fn what_does_not_fit_is_put_aside(house: &House) {
    let twice = format!("twice {}", "x".repeat(600_000));
    let large = "x".repeat(900_000);
    for value in ["go", &twice, "go", &twice, &large, "go"] {
        house.append("stream", 0, "a", value);
    }
    let runtime = house.start();
    assert_eq!(house.wait_for_outputs(4), ["a=go#1", "a=go#2", &format!("a={large}#3"), "a=go#4"]);
    let letters = house.read("stream.dead-letters");
    assert_eq!(letters.iter().map(line).collect::<Vec<_>>(), [format!("a={twice}"), format!("a={twice}")]);
    let header = |name: &str| letters[1].header(name).cloned();
    assert_eq!(header("dead-letter-cause"), Some("output_too_large".into()));
    assert_eq!(header("dead-letter-origin"), Some(format!("{}/0/3", house.topic("stream")).into()));
    assert!(runtime.status().is_ready());
    runtime.stop();
}

/// A record as large as the log takes: with the headers of a dead letter it is larger.
#[test]
fn a_dead_letter_that_does_not_fit_comes_without_its_value() {
    let house = House::embedded();
    let fits = |len: usize| house.try_append("table.dead-letters", 1, "a", &"x".repeat(len)).is_ok();
    let (mut largest, mut too_large) = (900_000, 1_200_000);
    while largest + 1 < too_large {
        let middle = usize::midpoint(largest, too_large);
        if fits(middle) { largest = middle } else { too_large = middle }
    }
    house.append("stream", 0, "a", &"x".repeat(largest));
    house.append("stream", 0, "a", "go");
    let runtime = house.start();
    assert_eq!(house.wait_for_outputs(1), ["a=go#1"]);
    let letters = house.read("stream.dead-letters");
    assert_eq!(letters.iter().map(line).collect::<Vec<_>>(), ["a=-"]);
    assert_eq!(letters[0].header("dead-letter-cause"), Some(&"output_too_large".into()));
    runtime.stop();
}
