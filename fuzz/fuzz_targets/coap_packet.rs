//! See [`motekey_fuzz::coap::coap_packet`].
#![cfg_attr(fuzzing, no_main)]

motekey_fuzz::target!(motekey_fuzz::coap::coap_packet);
