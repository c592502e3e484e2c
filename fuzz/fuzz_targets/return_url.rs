#![no_main]

#[allow(dead_code)] // the other targets' doors
#[path = "../doors.rs"]
mod doors;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    doors::return_url(data);
});
