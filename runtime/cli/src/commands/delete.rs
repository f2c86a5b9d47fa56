//! `flowrun delete`: a user is forgotten, by profiles, journeys and, in time, by the disk.

use clap::Args;
use serde_json::json;

use crate::console::{Console, printable};
use crate::exit::Exit;
use crate::operations::At;

const EXAMPLES: &str = "\
Examples:
  flowrun delete --user ada --state data
  flowrun delete --user braze_id:5f1a… --state data      one without an external id

Their journeys end where they are, what has not started is never sent, and profile, dead letters
and their places in schedules are gone when the command ends: as with POST /users/delete. Requests that are
under way can't be called back. Their bytes leave the files with the server's next stop (without
a server, at once). Traces, outboxes and backends elsewhere are not touched.";

/// Forget a user
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Delete {
    /// Who: an `external_id`, or `braze_id:` and the braze_id
    #[arg(long, value_name = "ID")]
    user: String,

    #[command(flatten)]
    at: At,

    /// Print what was deleted as one JSON object
    #[arg(long)]
    json: bool,
}

impl Delete {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let deleted = self.at.desk(console)?.delete(&self.user)?;
        if self.json {
            console.line(&json!({ "user": self.user, "deleted": deleted }).to_string())?;
            return Ok(Exit::Done);
        }
        let user = printable(&self.user);
        if !deleted.profile && deleted.journeys == 0 && deleted.dead_letters == 0 {
            console.line(&format!("nothing is known of {user} any more"))?;
            return Ok(Exit::Done);
        }
        let profile = if deleted.profile { "profile, " } else { "" };
        let count = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let journeys = count(deleted.journeys, "journey", "journeys");
        let letters = count(deleted.dead_letters, "dead letter", "dead letters");
        let swept = match deleted.swept {
            true => "the files hold nothing of them any more",
            false => "their bytes leave the files when the server stops next",
        };
        console.line(&format!("deleted {user}: {profile}{journeys}, {letters}; {swept}"))?;
        Ok(Exit::Done)
    }
}
