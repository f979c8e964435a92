//! See [`motekey_fuzz::coap::coap_endpoint`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::coap::coap_endpoint);
