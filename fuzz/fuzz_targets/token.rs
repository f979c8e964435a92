//! See [`motekey_fuzz::token::token`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::token::token);
