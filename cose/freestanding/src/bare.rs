//! What the standard library would have given: entry point, allocator, panic handler.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    ffi::{c_char, c_int},
    panic::PanicInfo,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::steps;

/// Bytes of the arena: ten times what the steps take.
const ARENA: usize = 1 << 20;

#[global_allocator]
static ALLOCATOR: Bump = Bump {
    arena: UnsafeCell::new([0; ARENA]),
    used: AtomicUsize::new(0),
};

/// Hands out the arena from front to back and takes nothing back: the program ends before it is used up.
struct Bump {
    arena: UnsafeCell<[u8; ARENA]>,
    used: AtomicUsize,
}

#[expect(
    unsafe_code,
    reason = "a static with interior mutability says itself that it may be shared"
)]
// SAFETY: `used` is atomic, and the bytes of `arena` are only reached through the disjoint ranges that `alloc` gives
// out, each to one owner.
unsafe impl Sync for Bump {}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: `alloc` gives a range inside the arena, aligned as asked, that overlaps no range given before, or null;
// `dealloc` does nothing, so that a range is never given out again.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.arena.get().cast::<u8>();
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                end_of(base.addr(), used, layout).map(|(_, end)| end)
            });
        match taken
            .ok()
            .and_then(|used| end_of(base.addr(), used, layout))
        {
            // SAFETY: `start` is below `end`, and `end` is not beyond the arena.
            Some((start, _)) => unsafe { base.add(start) },
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Start and end, as offsets, of the next range of `layout` in an arena at `base`; nothing if it does not fit.
fn end_of(base: usize, used: usize, layout: Layout) -> Option<(usize, usize)> {
    let start = base
        .checked_add(used)?
        .checked_next_multiple_of(layout.align())?
        .checked_sub(base)?;
    let end = start.checked_add(layout.size())?;
    (end <= ARENA).then_some((start, end))
}

#[link(name = "c")]
#[expect(
    unsafe_code,
    reason = "functions of the C library are declared in an unsafe block"
)]
// SAFETY: the signature is the one of C11 7.22.4.1.
unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    abort()
}

#[expect(
    unsafe_code,
    reason = "the compiled library `alloc` refers to this symbol by its name"
)]
// SAFETY: no other function of this program has this name. It is called by an unwinder only, and with panic = "abort"
// nothing unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[expect(
    unsafe_code,
    reason = "the compiled library `alloc` refers to this symbol by its name"
)]
// SAFETY: no other function of this program has this name, and it is never called, for the same reason as above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    abort()
}

#[expect(
    unsafe_code,
    reason = "the C start-up code finds the entry point by its name"
)]
// SAFETY: no other function of this program is called `main`, and the signature is the one of C11 5.1.2.2.1. The
// arguments are not looked at.
#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
    match steps::run() {
        Ok(()) => 0,
        Err(step) => step.into(),
    }
}
