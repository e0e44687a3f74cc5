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

/// Records just small enough for their topic, of which larger ones come.
fn what_does_not_fit_is_put_aside(house: &House) {
    let largest = largest(house);
    for value in ["go", &largest, "go", &largest, &"x".repeat(largest.len() - 100), "go"] {
        house.append("stream", 0, "a", value);
    }
    let runtime = house.start();
    let outputs = house.wait_for_outputs(4);
    let short = |line: &String| line[..4.min(line.len())].to_string();
    assert_eq!(outputs.iter().map(short).collect::<Vec<_>>(), ["a=go", "a=go", "a=xx", "a=go"]);
    assert_eq!(outputs[3], "a=go#4");
    let letters = house.read("stream.dead-letters");
    let cause = |letter: &gavel_log::Record| letter.header("dead-letter-cause").cloned();
    assert_eq!(
        letters.iter().map(cause).collect::<Vec<_>>(),
        [Some("output_too_large".into()), Some("output_too_large".into())]
    );
    assert!(letters.iter().all(|letter| letter.value.is_none()), "with its headers it would not fit either");
    assert_eq!(letters[1].header("dead-letter-origin"), Some(&format!("{}/0/3", house.topic("stream")).into()));
    assert!(runtime.status().is_ready());
    runtime.stop();
}

/// The largest value that the log takes, found in a partition that nobody looks at here.
fn largest(house: &House) -> String {
    let fits = |len: usize| house.try_append("table", 1, "a", &"x".repeat(len)).is_ok();
    let (mut fits_len, mut too_long) = (900_000, 1_200_000);
    while fits_len + 1 < too_long {
        let middle = usize::midpoint(fits_len, too_long);
        if fits(middle) { fits_len = middle } else { too_long = middle }
    }
    "x".repeat(fits_len)
}
