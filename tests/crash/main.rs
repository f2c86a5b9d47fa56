//! What a crash may leave of a log on the disk, enumerated: a log is written to a disk that
//! remembers every write and sync, and the disk is then put together as a power cut at each
//! of them could have left it. Failing disks, full disks and rot are tried alike, and the
//! profile stores and the state folder as a whole go through the same.

mod beginning;
mod changes;
mod disk;
mod faults;
mod folder;
mod history;
mod machine;
mod power;
mod profiles;
mod rot;
mod rows;
mod served;
