//! Records of one producer to one partition keep their order; offsets only grow; keys choose partitions as Java does.

use gavel_log::{Cleanup, NewRecord};

use crate::subject::{Subject, partition, read_all, record, topic, values};

promises!(order_is_kept, keys_choose_partitions_as_java_does, a_record_without_key_or_partition_goes_somewhere);

fn order_is_kept(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let producer = log.producer().unwrap();
    let sent: Vec<_> = (0..1000).map(|n: u32| producer.send(record(&topic, n % 2, "k", &n.to_string()))).collect();
    let offsets: Vec<_> = sent.into_iter().map(|delivery| delivery.wait().unwrap()).collect();
    for n in 0..2 {
        let records = read_all(&*log, &partition(&topic, n));
        let expected: Vec<_> = (0..1000).filter(|number| number % 2 == n).map(|number| number.to_string()).collect();
        assert_eq!(values(&records), expected);
        assert!(records.windows(2).all(|pair| pair[0].offset < pair[1].offset));
        let acknowledged = offsets.iter().filter(|appended| appended.partition == n);
        assert!(
            acknowledged.zip(&records).all(|(appended, record)| {
                (appended.offset, appended.append_ms) == (record.offset, record.append_ms)
            })
        );
    }
}

fn keys_choose_partitions_as_java_does(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 12, Cleanup::Keep);
    let producer = log.producer().unwrap();
    for (key, hash) in [("21", -973_932_308_i32), ("foobar", -790_332_482), ("abc", 479_470_107)] {
        let appended = producer.send(NewRecord { partition: None, ..record(&topic, 0, key, "v") }).wait().unwrap();
        assert_eq!(appended.partition, (hash & 0x7fff_ffff).cast_unsigned() % 12, "{key}");
    }
}

fn a_record_without_key_or_partition_goes_somewhere(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 3, Cleanup::Keep);
    let keyless = NewRecord { partition: None, key: None, ..record(&topic, 0, "", "v") };
    let appended = log.producer().unwrap().send(keyless).wait().unwrap();
    assert_eq!(values(&read_all(&*log, &partition(&topic, appended.partition))), ["v"]);
}
