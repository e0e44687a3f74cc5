//! Synchronised reading: a stream record sees every table record appended before it, however the two are read.

use crate::harness::House;

crate::on_each_log!(the_table_is_read_before_the_stream, the_table_may_be_long);

/// What a `sum` at that time must give.
fn sum_before(table: &[i64], append_ms: i64) -> i64 {
    table.iter().filter(|&&at| at < append_ms).count() as i64
}

fn the_table_is_read_before_the_stream(house: &House) {
    let runtime = house.start();
    let (mut table, mut expected) = (Vec::new(), Vec::new());
    for round in 0..60 {
        table.push(house.append("table", 0, "t", "1").append_ms);
        if round % 3 == 0 {
            let append_ms = house.append("stream", 0, "a", "sum").append_ms;
            expected.push(append_ms);
        }
    }
    let outputs = house.wait_for_outputs(expected.len());
    let expected: Vec<String> = expected.iter().map(|&at| format!("a={}", sum_before(&table, at))).collect();
    assert_eq!(outputs, expected);
    runtime.stop();
}

/// More table records than are buffered, all waiting before the first stream record is read.
fn the_table_may_be_long(house: &House) {
    let table: Vec<i64> = (0..200).map(|_| house.append("table", 0, "t", "1").append_ms).collect();
    let sums: Vec<i64> = (0..50).map(|_| house.append("stream", 0, "a", "sum").append_ms).collect();
    let runtime = house.start();
    let expected: Vec<String> = sums.iter().map(|&at| format!("a={}", sum_before(&table, at))).collect();
    assert_eq!(house.wait_for_outputs(sums.len()), expected);
    runtime.stop();
}
