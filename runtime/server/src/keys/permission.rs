//! What a key may do, by the vendor's names.

use super::Error;

/// One endpoint's permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    UsersTrack,
    UsersTrackSync,
    UsersIdentify,
    UsersMerge,
    UsersDelete,
    UsersAliasNew,
    UsersExportIds,
    CanvasTriggerSend,
    CanvasTriggerScheduleCreate,
    CanvasTriggerScheduleUpdate,
    CanvasTriggerScheduleDelete,
    CanvasList,
    CanvasDetails,
    ContentBlocksList,
    ContentBlocksInfo,
}

impl Permission {
    pub const ALL: [Permission; 15] = [
        Permission::UsersTrack,
        Permission::UsersTrackSync,
        Permission::UsersIdentify,
        Permission::UsersMerge,
        Permission::UsersDelete,
        Permission::UsersAliasNew,
        Permission::UsersExportIds,
        Permission::CanvasTriggerSend,
        Permission::CanvasTriggerScheduleCreate,
        Permission::CanvasTriggerScheduleUpdate,
        Permission::CanvasTriggerScheduleDelete,
        Permission::CanvasList,
        Permission::CanvasDetails,
        Permission::ContentBlocksList,
        Permission::ContentBlocksInfo,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Permission::UsersTrack => "users.track",
            Permission::UsersTrackSync => "users.track.sync",
            Permission::UsersIdentify => "users.identify",
            Permission::UsersMerge => "users.merge",
            Permission::UsersDelete => "users.delete",
            Permission::UsersAliasNew => "users.alias.new",
            Permission::UsersExportIds => "users.export.ids",
            Permission::CanvasTriggerSend => "canvas.trigger.send",
            Permission::CanvasTriggerScheduleCreate => "canvas.trigger.schedule.create",
            Permission::CanvasTriggerScheduleUpdate => "canvas.trigger.schedule.update",
            Permission::CanvasTriggerScheduleDelete => "canvas.trigger.schedule.delete",
            Permission::CanvasList => "canvas.list",
            Permission::CanvasDetails => "canvas.details",
            Permission::ContentBlocksList => "content_blocks.list",
            Permission::ContentBlocksInfo => "content_blocks.info",
        }
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    pub fn all() -> Permissions {
        Permission::ALL.into_iter().collect()
    }

    /// By name; `*` is all of them.
    pub fn named(names: &[impl AsRef<str>]) -> Result<Permissions, Error> {
        let mut permissions = Permissions::default();
        for name in names.iter().map(AsRef::as_ref) {
            if name == "*" {
                return Ok(Permissions::all());
            }
            let known = Permission::ALL.into_iter().find(|permission| permission.name() == name);
            permissions.0 |= bit(known.ok_or_else(|| unknown(name))?);
        }
        Ok(permissions)
    }

    pub fn contain(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Permissions {
        Permissions(permissions.into_iter().fold(0, |bits, permission| bits | bit(permission)))
    }
}

fn bit(permission: Permission) -> u32 {
    1 << permission as u32
}

fn unknown(name: &str) -> Error {
    let all: Vec<_> = Permission::ALL.iter().map(|permission| permission.name()).collect();
    Error::Permission(name.chars().take(80).collect(), all.join(", "))
}
