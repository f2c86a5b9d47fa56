//! The program as people and programs use it: files in a folder, arguments in, what is
//! printed and the exit code out.

mod beginning;
mod checking;
mod configured;
mod connected;
mod drawing;
mod entering;
mod evaluating;
mod explaining;
mod listing;
mod running;
mod simulating;
mod stage;
mod testing;
mod users;

use stage::Stage;
