//! What every engine must do, said once and run for each.
#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use trunkline::store::engine::{
    Batch, Engine, KEY_END, Op, Order, SqliteEngine, Sync, Table, TableFile,
};

const TABLES: [Table; 2] = [Table::Rec, Table::Phone];
type Make = fn(&Path) -> Arc<dyn Engine>;

fn sqlite(dir: &Path) -> Arc<dyn Engine> {
    Arc::new(SqliteEngine::new(dir, Sync::Full))
}

#[cfg(feature = "store-sled")]
fn sled(dir: &Path) -> Arc<dyn Engine> {
    Arc::new(trunkline::store::engine::SledEngine::new(dir))
}

const ENGINES: &[(&str, Make)] = &[
    ("sqlite", sqlite),
    #[cfg(feature = "store-sled")]
    ("sled", sled),
];

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

fn apply(model: &mut Model, batch: &Batch) {
    for op in &batch.0 {
        match op {
            Op::Put(table, key, value) => {
                model.insert((*table, key.clone()), value.clone());
            }
            Op::Delete(table, key) => {
                model.remove(&(*table, key.clone()));
            }
        }
    }
}

fn same(file: &dyn TableFile, model: &Model) {
    for table in TABLES {
        let want: Vec<_> = model
            .iter()
            .filter(|((t, _), _)| *t == table)
            .map(|((_, k), v)| (k.clone(), v.clone()))
            .collect();
        let up = file.scan(table, &[], KEY_END, Order::Up, usize::MAX).unwrap();
        assert_eq!(up, want);
        let mut down = file.scan(table, &[], KEY_END, Order::Down, usize::MAX).unwrap();
        down.reverse();
        assert_eq!(down, want);
        for (key, value) in &want {
            assert_eq!(file.get(table, key).unwrap().as_ref(), Some(value));
        }
    }
}

fn ops() -> impl Strategy<Value = Op> {
    let table = prop_oneof![Just(Table::Rec), Just(Table::Phone)];
    let key = vec(0_u8..4, 0..4);
    // Short values, empty ones, and some that no page and no node holds whole.
    let value = prop_oneof![
        4 => vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 1000_usize..30_000).prop_map(|(b, n)| vec![b; n]),
    ];
    (table, key, proptest::option::weighted(0.75, value)).prop_map(
        |(table, key, value)| match value {
            Some(value) => Op::Put(table, key, value),
            None => Op::Delete(table, key),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// After any batches and reopenings a file equals a map that took the same batches.
    #[test]
    fn a_file_is_a_map(steps in vec((vec(ops(), 0..12), proptest::bool::weighted(0.1)), 1..24)) {
        for (_, make) in ENGINES {
            let dir = tempfile::tempdir().unwrap();
            let engine = make(dir.path());
            let mut file = engine.open("model", &TABLES).unwrap();
            let mut model = Model::new();
            for (ops, reopen) in &steps {
                let batch = Batch(ops.clone());
                file.commit(&batch).unwrap();
                apply(&mut model, &batch);
                if *reopen {
                    drop(file);
                    file = engine.open("model", &TABLES).unwrap();
                }
                same(file.as_ref(), &model);
            }
        }
    }
}

fn each(check: impl Fn(&str, &Path, Arc<dyn Engine>)) {
    for (name, make) in ENGINES {
        let dir = tempfile::tempdir().unwrap();
        check(name, dir.path(), make(dir.path()));
    }
}

fn put(file: &dyn TableFile, key: &[u8], value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(Table::Rec, key, value);
    file.commit(&batch).unwrap();
}

#[test]
fn scans_respect_bounds_order_and_limit() {
    each(|name, _, engine| {
        let file = engine.open("f", &TABLES).unwrap();
        (0..10_u8).for_each(|k| put(file.as_ref(), &[k], &[k]));
        for (from, to, order, limit, want) in [
            (2, 5, Order::Up, 10, vec![2, 3, 4]),
            (2, 5, Order::Down, 10, vec![4, 3, 2]),
            (2, 9, Order::Up, 2, vec![2, 3]),
            (2, 9, Order::Down, 2, vec![8, 7]),
            (5, 5, Order::Up, 10, vec![]),
            (7, 3, Order::Up, 10, vec![]),
            (0, 9, Order::Up, 0, vec![]),
        ] {
            let rows = file.scan(Table::Rec, &[from], &[to], order, limit).unwrap();
            let keys: Vec<u8> = rows.iter().map(|(k, _)| k[0]).collect();
            assert_eq!(keys, want, "{name} {from}..{to} {order:?} {limit}");
        }
    });
}

#[test]
fn files_are_listed_and_removed_for_good() {
    each(|name, _, engine| {
        for file in ["b", "a", "c"] {
            put(engine.open(file, &TABLES).unwrap().as_ref(), b"k", file.as_bytes());
        }
        assert_eq!(engine.list().unwrap(), ["a", "b", "c"], "{name}");
        engine.remove("b").unwrap();
        assert_eq!(engine.list().unwrap(), ["a", "c"], "{name}");
        let again = engine.open("b", &TABLES).unwrap();
        assert_eq!(again.get(Table::Rec, b"k").unwrap(), None, "{name}");
        let kept = engine.open("a", &TABLES).unwrap();
        assert_eq!(kept.get(Table::Rec, b"k").unwrap().as_deref(), Some(&b"a"[..]), "{name}");
    });
}

#[test]
fn readers_and_writers_do_not_wait_for_each_other() {
    each(|name, _, engine| {
        let file = engine.open("f", &TABLES).unwrap();
        let reader = {
            let file = file.clone();
            std::thread::spawn(move || {
                let mut last = 0;
                while last < 200 {
                    let rows = file.scan(Table::Rec, &[], KEY_END, Order::Down, 1).unwrap();
                    let seen = rows.first().map_or(0, |(k, _)| u32::from(k[0]) + 1);
                    assert!(seen >= last, "went backwards");
                    last = seen;
                    file.maintain().unwrap();
                }
            })
        };
        (0..200_u8).for_each(|k| put(file.as_ref(), &[k], &[0; 500]));
        reader.join().unwrap_or_else(|_| panic!("{name}"));
    });
}

#[test]
fn a_backup_taken_while_in_use_is_a_whole_file() {
    each(|name, dir, engine| {
        let file = engine.open("f", &TABLES).unwrap();
        (0..100_u8).for_each(|k| put(file.as_ref(), &[k], &[k; 3000]));
        let away = dir.join("away");
        std::fs::create_dir(&away).unwrap();
        file.backup(&away.join("copy.db")).unwrap();
        put(file.as_ref(), b"later", b"");
        let copy = SqliteEngine::new(&away, Sync::Full).open("copy", &TABLES).unwrap();
        let rows = copy.scan(Table::Rec, &[], KEY_END, Order::Up, 1000).unwrap();
        assert_eq!(rows.len(), 100, "{name}");
        assert!(rows.iter().all(|(k, v)| *v == [k[0]; 3000]), "{name}");
        copy.scrub().unwrap();
        file.scrub().unwrap();
    });
}

/// A shredded key must not be left in the file, its log included.
#[test]
fn deleted_bytes_are_gone_from_sqlite_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = sqlite(dir.path()).open("f", &TABLES).unwrap();
    let secret = [0xd7; 90];
    let found = || {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
        let holds = |path| std::fs::read(path).unwrap().windows(90).any(|w| w == secret);
        files.filter(|p| !p.to_str().unwrap().ends_with("-shm")).any(holds)
    };
    put(file.as_ref(), b"other", b"stays");
    put(file.as_ref(), b"key", &secret);
    assert!(found());
    let mut batch = Batch::default();
    batch.delete(Table::Rec, *b"key");
    file.commit(&batch).unwrap();
    file.scour().unwrap();
    assert!(!found());
}
