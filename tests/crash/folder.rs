//! A state folder as a whole, under power cuts and failing disks at every single operation: its
//! mark, the registry, the files of log and profiles as they come to be, and the sweep that
//! writes them anew.
//!
//! Whatever has happened, the folder opens again; it then has every version and every user that
//! was acknowledged, in the state before or after the step under way; and once a sweep is
//! reported as done, no byte of who was deleted is in any file.

use std::collections::BTreeSet;

use flowrun_engine::log::{Append, Embedded, Folder, Kept, Sequence, ShardLog};
use flowrun_engine::profile_backends::rows::{Changes, Member, Row, Rows, RowsSettings};
use flowrun_engine::{StateFolder, Swept, sweep};
use flowrun_simulation::core::sdk::Door;
use flowrun_simulation::core::track::{Id, Profile};
use flowrun_simulation::core::{CanvasIx, Change, JourneyIx, Millis, Record, ShardId, Version};

use crate::disk::{Fault, Plan, Survivors};
use crate::machine::Machine;

/// What is done with a folder: each step opens it, and gives it up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The folder is begun, if there is none.
    Open,
    /// The next version is added.
    Add,
    /// A version is retired, or made live again.
    Retire(u16),
    Revive(u16),
    /// Somebody comes: a row, and a record.
    Come(u64),
    /// Somebody is deleted, and a snapshot stands for all records.
    Delete(u64),
    Sweep,
    /// A sweep that ended when the log was written anew.
    HalfSweep,
}
use Step::*;

/// What was done before, by a disk in order, and what is tried.
const SCENARIOS: &[(&str, &[Step], &[Step])] = &[
    ("a folder is begun", &[], &[Open]),
    ("a folder is begun and has a version", &[], &[Add]),
    ("a folder that was begun is opened", &[Open], &[Open]),
    ("a first version", &[Open], &[Add]),
    ("a second version", &[Add], &[Add, Open]),
    ("versions side by side with users", &[Add], &[Come(1), Add, Come(2)]),
    ("a version is retired", &[Add, Add, Come(1)], &[Retire(0), Open]),
    ("a version is made live again", &[Add, Add, Retire(0)], &[Revive(0), Add]),
    ("somebody is deleted", &[Add, Come(1), Come(2)], &[Delete(1)]),
    ("a sweep", &[Add, Come(1), Come(2), Delete(1)], &[Sweep]),
    (
        "a sweep after one that was broken off",
        &[Add, Come(1), Come(2), Delete(1), HalfSweep, Delete(2)],
        &[Sweep, Open],
    ),
    (
        "a folder that was swept goes on",
        &[Add, Come(1), Delete(1), Sweep],
        &[Come(2), Add, Delete(2), Sweep],
    ),
    ("everybody is deleted", &[Add, Come(1), Come(2)], &[Delete(2), Delete(1), Sweep]),
];

/// What a folder has.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Held {
    versions: usize,
    retired: BTreeSet<u16>,
    /// Users, by rows and by the log.
    rows: BTreeSet<u64>,
    logged: BTreeSet<u64>,
}

impl Held {
    fn after(mut self, step: Step) -> Held {
        match step {
            Open | Sweep | HalfSweep => {}
            Add => self.versions += 1,
            Retire(number) => drop(self.retired.insert(number)),
            Revive(number) => drop(self.retired.remove(&number)),
            Come(user) => drop((self.rows.insert(user), self.logged.insert(user))),
            Delete(user) => drop((self.rows.remove(&user), self.logged.remove(&user))),
        }
        self
    }
}

const SHARD: ShardId = ShardId(0);

/// Long enough to be found, and a part of no other.
fn name(user: u64) -> String {
    format!("user-{user}-{}", "x".repeat(40))
}

fn version(number: usize) -> Kept {
    Kept {
        canvas: "a".into(),
        version: Version(number as u64),
        path: "a.yaml".into(),
        text: format!("canvas: a # {number}"),
        files: Default::default(),
        blocks: Default::default(),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A folder that is open.
struct Opened {
    state: StateFolder,
    rows: Rows,
    held: Held,
}

fn open(machine: &Machine) -> Result<Opened, String> {
    let state = StateFolder::open(machine.dir(), 1, "a life").map_err(said)?;
    assert_eq!(state.holder.life(), "a life");
    let mut held = Held { versions: state.registry.versions().len(), ..Held::default() };
    for (kept, number) in state.registry.versions().iter().zip(0..) {
        assert_eq!(*kept, version(number));
        if state.registry.is_retired(CanvasIx(number as u16)) {
            held.retired.insert(number as u16);
        }
    }
    let settings = RowsSettings { cache_bytes: 1 << 20, ..RowsSettings::default() };
    let rows = state.rows(settings, &mut |row| {
        let Row::Member(Id(id), member) = row else { panic!("{row:?}") };
        assert_eq!(member.profile.external_id(), Some(&*name(id)));
        held.rows.insert(id);
    });
    let rows = rows.map_err(said)?;
    let mut names = String::new();
    let snapshot = state.log.latest_snapshot(SHARD).map_err(said)?;
    let upto = snapshot.as_ref().map_or(0, |snapshot| snapshot.upto.0);
    snapshot.iter().for_each(|one| names.push_str(&String::from_utf8_lossy(&one.bytes)));
    for read in state.log.read_from(SHARD, Sequence(upto + 1)).map_err(said)? {
        let (_, record) = read.map_err(said)?;
        let Change::Advanced { why: Some(why), .. } = &record.changes[0] else { panic!() };
        names.push_str(why);
    }
    held.logged = (0..9).filter(|user| names.contains(&name(*user))).collect();
    Ok(Opened { state, rows, held })
}

/// Takes a step; when this returns without an error, it is acknowledged.
fn take(machine: &Machine, step: Step) -> Result<(), String> {
    let dir = machine.dir();
    match step {
        Sweep => {
            let swept = sweep(&dir).map_err(said)?;
            return assert_swept(swept, machine);
        }
        HalfSweep => return Embedded::renew(&dir).map(drop).map_err(said),
        _ => {}
    }
    let Opened { mut state, rows, held } = open(machine)?;
    let kept = |changes: Changes| block_on(rows.save(changes).done()).map_err(said);
    match step {
        Open | Sweep | HalfSweep => Ok(()),
        Add => state.registry.add(version(held.versions)).map(drop).map_err(said),
        Retire(number) => state.registry.retire([CanvasIx(number)]).map_err(said),
        Revive(number) => state.registry.revive(CanvasIx(number)).map_err(said),
        Come(user) => {
            let epoch = state.log.open(SHARD).map_err(said)?;
            let why = Some(name(user).into());
            let changes = vec![Change::Advanced { journey: JourneyIx(0), door: Door::NEXT, why }];
            let record = Record { at: Millis(0), changes };
            let append = Append { shard: SHARD, epoch, record: &record };
            state.log.append_all(&[append]).map_err(said)?;
            let member = Member { profile: Profile::new(&name(user)), writes: Vec::new() };
            kept(Changes { members: vec![(Id(user), Some(member))], ..Changes::default() })
        }
        Delete(user) => {
            Folder::note_leftovers(&dir).map_err(said)?;
            let epoch = state.log.open(SHARD).map_err(said)?;
            let last = state.log.last(SHARD).map_err(said)?;
            let left = held.logged.iter().filter(|one| **one != user);
            let left: String = left.map(|user| name(*user)).collect();
            state.log.snapshot(SHARD, epoch, last, left.as_bytes()).map_err(said)?;
            kept(Changes { members: vec![(Id(user), None)], ..Changes::default() })
        }
    }
}

/// What a sweep reports is true: who is in no row is in no file.
fn assert_swept(swept: Swept, machine: &Machine) -> Result<(), String> {
    if swept == Swept::Later {
        return Ok(());
    }
    assert!(!Folder::has_leftovers(machine.dir()), "a mark is left by a sweep that is done");
    Ok(())
}

fn play(machine: &Machine, steps: &[Step]) -> Result<(), (usize, String)> {
    for (done, step) in steps.iter().enumerate() {
        take(machine, *step).map_err(|why| (done, why))?;
        machine.acknowledge();
    }
    Ok(())
}

/// Opens what was left when so many steps were acknowledged, holds it against what must be
/// there, and goes on to the end and through a sweep.
fn recover(
    machine: &Machine,
    models: &[Held],
    steps: &[Step],
    done: usize,
) -> Result<Held, String> {
    let found = open(machine)?.held;
    let either = [&models[done], models.get(done + 1).unwrap_or(&models[done])];
    let fits = |part: &dyn Fn(&Held) -> bool| either.iter().any(|model| part(model));
    if !(fits(&|model| model.versions == found.versions)
        && fits(&|model| model.retired == found.retired)
        && fits(&|model| model.rows == found.rows)
        && fits(&|model| model.logged == found.logged))
    {
        return Err(format!("{found:?} after {done} steps, {:?}", models[done]));
    }
    let once: BTreeSet<u64> = models.iter().flat_map(|model| model.rows.clone()).collect();
    // Whoever got no answer asks again.
    for step in steps[done..].iter().filter(|step| !matches!(step, Add | Come(_))) {
        take(machine, *step)?;
    }
    let Opened { mut state, rows, held } = open(machine)?;
    let epoch = state.log.open(SHARD).map_err(said)?;
    let last = state.log.last(SHARD).map_err(said)?;
    let left: String = held.logged.iter().map(|user| name(*user)).collect();
    state.log.snapshot(SHARD, epoch, last, left.as_bytes()).map_err(said)?;
    drop((state, rows));
    sweep(machine.dir()).map_err(said)?;
    for user in once.iter().filter(|user| !held.rows.contains(user) && !held.logged.contains(user))
    {
        if let Some(file) = machine.holds(&name(*user)) {
            return Err(format!("user {user} is still in {}", file.display()));
        }
    }
    let after = open(machine)?.held;
    (after == held).then_some(found).ok_or_else(|| format!("{after:?} after a sweep of {held:?}"))
}

/// A disk that begins with what was done before, and what the folder has after each step.
fn begun(before: &[Step], steps: &[Step]) -> (Machine, Vec<Held>) {
    let machine = Machine::new();
    play(&machine, before).expect("a disk in order takes it");
    let first = before.iter().fold(Held::default(), |held, step| held.after(*step));
    let mut models = vec![first];
    for step in steps {
        models.push(models.last().expect("the first").clone().after(*step));
    }
    (machine.settled(), models)
}

#[test]
fn a_power_cut_leaves_a_folder_that_goes_on() {
    let (mut cuts, mut ahead) = (0, 0);
    for (title, before, steps) in SCENARIOS {
        let (machine, models) = begun(before, steps);
        play(&machine, steps).expect("a disk in order takes it");
        for event in (0..=machine.events()).filter(|&at| at == 0 || machine.is_operation(at - 1)) {
            let done = machine.acknowledged(event);
            use Survivors::*;
            let of_names = event > 0 && machine.is_of_names(event - 1);
            let all: &[Survivors] = match of_names {
                true => &[None, All, ButLast, Last, Some(0), Some(1)],
                // What a database makes of it is tried with the log and the rows alone.
                false => &[None, Torn],
            };
            for survivors in all {
                let left = machine.after_cut(event, *survivors);
                let found = recover(&left, &models, steps, done).unwrap_or_else(|why| {
                    panic!("{title}: cut after event {event}, {survivors:?} survive: {why}")
                });
                cuts += 1;
                ahead += usize::from(found != models[done]);
            }
        }
    }
    assert!(cuts > 3_000 && ahead > 500, "{cuts} {ahead}");
}

#[test]
fn a_disk_that_fails_leaves_a_folder_that_goes_on() {
    let (mut failed, mut unharmed) = (0, 0);
    for (title, before, steps) in SCENARIOS {
        let (origin, models) = begun(before, steps);
        let operations = {
            let machine = origin.settled();
            play(&machine, steps).expect("a disk in order takes it");
            machine.operations()
        };
        for from in 0..operations {
            for (fault, to) in [(Fault::Full, from + 1), (Fault::Io, usize::MAX)] {
                let place = format!("{title}: {fault:?} from operation {from} to {to}");
                let machine = origin.settled();
                machine.fail(Some(Plan { fault, from, to }));
                let done = match play(&machine, steps) {
                    Ok(()) => {
                        unharmed += 1;
                        steps.len()
                    }
                    Err((done, why)) => {
                        assert!(!why.contains("damaged"), "{place}: {why}");
                        failed += 1;
                        done
                    }
                };
                machine.fail(None);
                // What the next start has read stays, whatever was durable before.
                let found = open(&machine).unwrap_or_else(|why| panic!("{place}: {why}")).held;
                let left = machine.after_cut(machine.events(), Survivors::None);
                let again = open(&left).unwrap_or_else(|why| panic!("{place}, cut: {why}")).held;
                assert_eq!(again, found, "{place}: a cut has taken back what was read");
                recover(&left, &models, steps, done).unwrap_or_else(|why| panic!("{place}: {why}"));
            }
        }
    }
    assert!(failed > 2_000, "{failed} {unharmed}");
}
