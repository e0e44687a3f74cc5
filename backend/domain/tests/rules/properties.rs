//! What holds for any terms and any commands. Amounts, bidders and times are few and close together, for it is ties,
//! boundaries and cut steps where rules break.

use gavel_domain::{Auction, Bid, Closing, Command, Decision, EpochMs, Event, Outcome, SecretMinor, Terms};
use proptest::prelude::*;

use crate::lot::{END, SELLER, START, account, minor, terms, withdrawal};
use crate::oracle::Oracle;

/// Commands in log order, each with its time.
type Script = Vec<(Command, EpochMs)>;

fn any_terms() -> impl Strategy<Value = Terms> {
    let closing = prop_oneof![
        Just(Closing::Hard),
        (1..120_u32, 1..120_u32, 1..400_u32).prop_map(|(window_s, extend_s, cap_s)| Closing::Soft {
            window_s,
            extend_s,
            cap_s
        }),
    ];
    let around = prop_oneof![1..30_i64, 80..130_i64, 400..600_i64];
    (around.clone(), proptest::option::of(prop_oneof![around, 900..1_100_i64]), closing).prop_map(
        |(starting, reserve, closing)| Terms {
            starting: minor(starting),
            reserve: reserve.map(|reserve| SecretMinor::new(minor(reserve))),
            closing,
            ..terms()
        },
    )
}

fn any_command() -> impl Strategy<Value = Command> {
    let bidder = proptest::sample::select(vec!['A', 'B', 'C', 'D', SELLER]);
    let max = prop_oneof![0..150_i64, 90..110_i64, 450..550_i64, 500..2_600_i64, 2_400..30_000_i64];
    let bid = (bidder, max, proptest::bool::weighted(0.05)).prop_map(|(bidder, max, suspended)| {
        Command::Bid(Bid { bidder: account(bidder), max: SecretMinor::new(minor(max)), suspended })
    });
    prop_oneof![
        60 => bid,
        1 => proptest::sample::select(vec!['A', SELLER]).prop_map(withdrawal),
    ]
}

/// Scripts that begin a little before the start, and mostly go on past the end.
fn any_script() -> impl Strategy<Value = Script> {
    let gap = prop_oneof![Just(0_i64), 1..1_000_i64, 5_000..60_000_i64];
    proptest::collection::vec((any_command(), gap), 0..40).prop_map(|commands| {
        let mut t = START - 20_000;
        commands
            .into_iter()
            .map(|(command, gap)| {
                t += gap;
                (command, EpochMs::new(t))
            })
            .collect()
    })
}

fn long_after() -> EpochMs {
    EpochMs::new(END + 86_400_000)
}

fn play(auction: &mut Auction, script: &[(Command, EpochMs)]) -> Vec<Event> {
    script.iter().flat_map(|&(command, t)| auction.apply(command, t)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_price_never_falls_nor_exceeds_the_leaders_maximum(terms in any_terms(), script in any_script()) {
        let mut auction = Auction::list(terms);
        for &(command, t) in &script {
            let before = *auction.standing();
            auction.apply(command, t).for_each(drop);
            let after = auction.standing();
            prop_assert!(after.price >= before.price);
            prop_assert!(after.leader.is_none_or(|leader| after.price <= leader.max.reveal()));
            prop_assert!(after.runner_up_max.is_none_or(|max| Some(max) <= after.leader.map(|leader| leader.max)));
            let withdrawn = after.completion.filter(|completion| completion.outcome == Outcome::Withdrawn);
            prop_assert!(withdrawn.is_some() || after.ends_at >= before.ends_at, "an end never moves back");
            prop_assert!(withdrawn.is_none_or(|completion| after.ends_at == completion.ended_at));
            if let Closing::Soft { cap_s, .. } = terms.closing {
                prop_assert!(after.ends_at <= terms.ends_at.plus_s(cap_s));
            }
        }
    }

    #[test]
    fn a_rejected_command_changes_nothing(terms in any_terms(), script in any_script()) {
        let mut auction = Auction::list(terms);
        for &(command, t) in &script {
            auction.close_if_due(t);
            let before = auction.clone();
            let counted = auction.apply(command, t).any(
                |event| matches!(event, Event::Decided(decided) if decided.decision.is_counted()));
            prop_assert!(counted || auction == before);
        }
    }

    #[test]
    fn sequences_are_dense_and_the_one_completion_is_last(terms in any_terms(), script in any_script()) {
        let mut auction = Auction::list(terms);
        let mut events = play(&mut auction, &script);
        events.extend(auction.close_if_due(long_after()).map(Event::Completed));
        let sequences: Vec<u64> = events.iter().filter_map(|event| match event {
            Event::Decided(decided) => decided.sequence,
            Event::Completed(completion) => Some(completion.sequence),
        }).collect();
        prop_assert_eq!(&sequences, &(1..=sequences.len() as u64).collect::<Vec<_>>());
        let completions: Vec<_> = events.iter().filter_map(|event| match event {
            Event::Completed(completion) => Some(*completion),
            Event::Decided(_) => None,
        }).collect();
        prop_assert_eq!(completions.len(), 1);
        prop_assert_eq!(completions[0].sequence, sequences.len() as u64);
        prop_assert_eq!(completions[0].winner.is_some(), completions[0].outcome == Outcome::Sold);
        prop_assert_eq!(completions[0].price, auction.standing().price);
    }

    /// Timers may fire between any two commands, or never; the state may be stored and restored anywhere.
    #[test]
    fn batching_and_timers_change_nothing(
        terms in any_terms(),
        script in any_script(),
        breaks in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let mut whole = Auction::list(terms);
        let mut expected = play(&mut whole, &script);
        expected.extend(whole.close_if_due(long_after()).map(Event::Completed));

        let mut auction = Auction::list(terms);
        let mut events = Vec::new();
        for (&(command, t), &pause) in script.iter().zip(&breaks) {
            if pause {
                auction = Auction::restore(*auction.terms(), *auction.standing());
                events.extend(auction.close_if_due(t).map(Event::Completed));
            }
            events.extend(auction.apply(command, t));
        }
        events.extend(auction.close_if_due(long_after()).map(Event::Completed));
        prop_assert_eq!(events, expected);
        prop_assert_eq!(auction, whole);
    }

    #[test]
    fn the_ranked_list_of_all_bids_says_the_same(terms in any_terms(), script in any_script()) {
        let mut auction = Auction::list(terms);
        let mut oracle = Oracle::new(terms);
        for &(command, t) in &script {
            let Command::Bid(bid) = command else { continue };
            let decision = auction.apply(command, t).find_map(|event| match event {
                Event::Decided(decided) => Some(decided.decision),
                Event::Completed(_) => None,
            });
            if t.get() > oracle.ends_at {
                prop_assert_eq!(decision, Some(Decision::Ended));
                break;
            }
            prop_assert_eq!(decision, Some(oracle.bid(&bid, t)));
            let (standing, ranked) = (auction.standing(), oracle.ranked());
            prop_assert_eq!(
                standing.leader.map(|leader| (leader.bidder, leader.max.reveal().get())),
                ranked.first().copied()
            );
            prop_assert_eq!(standing.runner_up_max.map(|max| max.reveal().get()), ranked.get(1).map(|&(_, max)| max));
            prop_assert_eq!(
                (standing.price.get(), standing.bid_count, standing.ends_at.get(), standing.sequence),
                (oracle.price, oracle.bid_count, oracle.ends_at, oracle.sequence)
            );
        }
    }
}
