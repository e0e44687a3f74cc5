//! What cannot be processed goes to the dead letters, and the partition goes on.

use crate::harness::{House, line};

crate::on_each_log!(rejected_and_panicking_records_are_put_aside);

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
