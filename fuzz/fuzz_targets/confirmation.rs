//! See [`motekey_fuzz::ace::confirmation`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::ace::confirmation);
