//! The macros that make a library of a step, a backend or a channel.
//!
//! They write the C functions of [`crate::plugin::abi`] into the author's crate. What is not
//! sure by itself is only this: reading what the host lends, and giving boxes and buffers
//! away and taking them back. All else happens in [`crate::plugin::exported`], which is safe.

/// Exports a [`Step`](crate::Step): `flowrun_sdk::export_step!(MyStep);`
#[macro_export]
macro_rules! export_step {
    ($step:ty) => {
        $crate::__export!($crate::plugin::exported::StepPlugin<$step>);
    };
}

/// Exports a [`Backend`](crate::backend::Backend).
#[macro_export]
macro_rules! export_backend {
    ($backend:ty) => {
        $crate::__export!($crate::plugin::exported::BackendPlugin<$backend>);
    };
}

/// Exports a [`Channel`](crate::channel::Channel).
#[macro_export]
macro_rules! export_channel {
    ($channel:ty) => {
        $crate::__export!($crate::plugin::exported::ChannelPlugin<$channel>);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($plugin:ty) => {
        #[allow(unsafe_code)]
        const _: () = {
            use ::std::{boxed::Box, ffi::c_void, mem::ManuallyDrop, option::Option, vec::Vec};

            use $crate::plugin::exported::Exported;
            use $crate::plugin::{abi, guard};

            type It = $plugin;

            extern "C" fn describe(out: *mut abi::Buffer) -> i32 {
                hand_over(guard(It::describe), out)
            }

            extern "C" fn create(
                settings: abi::Bytes,
                handle: *mut *mut c_void,
                out: *mut abi::Buffer,
            ) -> i32 {
                let mut made = Option::None;
                let said = guard(|| {
                    // SAFETY: the host lends the settings for the time of this call.
                    let (it, said) = It::create(unsafe { lent(&settings) })?;
                    made = Option::Some(Box::new(it));
                    Ok(said)
                });
                if let Option::Some(it) = made {
                    // SAFETY: the host hands in a place for a handle.
                    unsafe { handle.write(Box::into_raw(it).cast()) };
                }
                hand_over(said, out)
            }

            extern "C" fn call(
                handle: *mut c_void,
                request: abi::Bytes,
                out: *mut abi::Buffer,
            ) -> i32 {
                // SAFETY: the handle is a box of `create` that `destroy` has not taken back;
                // it is only ever shared. The host lends the request for the time of this call.
                hand_over(guard(|| unsafe { (*handle.cast::<It>()).call(lent(&request)) }), out)
            }

            extern "C" fn destroy(handle: *mut c_void, out: *mut abi::Buffer) -> i32 {
                let gone = guard(|| {
                    // SAFETY: the handle is a box of `create`, and this is its last use.
                    drop(unsafe { Box::from_raw(handle.cast::<It>()) });
                    Ok(Vec::new())
                });
                hand_over(gone, out)
            }

            extern "C" fn release(buffer: abi::Buffer) {
                // SAFETY: the buffer is one that `hand_over` took apart.
                drop(unsafe { Vec::from_raw_parts(buffer.ptr, buffer.len, buffer.capacity) });
            }

            unsafe fn lent(bytes: &abi::Bytes) -> &[u8] {
                if bytes.len == 0 {
                    return &[];
                }
                // SAFETY: the caller knows that the host lends these bytes.
                unsafe { ::std::slice::from_raw_parts(bytes.ptr, bytes.len) }
            }

            fn hand_over((status, bytes): (i32, Vec<u8>), out: *mut abi::Buffer) -> i32 {
                let mut bytes = ManuallyDrop::new(bytes);
                let (ptr, len, capacity) = (bytes.as_mut_ptr(), bytes.len(), bytes.capacity());
                // SAFETY: the host hands in a place for a buffer.
                unsafe { out.write(abi::Buffer { ptr, len, capacity }) };
                status
            }

            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static flowrun_plugin_v1: abi::Plugin = abi::Plugin {
                magic: abi::MAGIC,
                size: ::std::mem::size_of::<abi::Plugin>() as u32,
                major: abi::MAJOR,
                minor: abi::MINOR,
                kind: It::KIND as u32,
                flags: abi::flags::CONCURRENT
                    | if cfg!(panic = "abort") { abi::flags::ABORTS } else { 0 },
                describe: Option::Some(describe),
                create: Option::Some(create),
                call: Option::Some(call),
                destroy: Option::Some(destroy),
                release: Option::Some(release),
            };
        };
    };
}
