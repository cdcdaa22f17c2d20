selftest(){ :; }
