"""What tests share: a switch as a process, real peers, audio measured by what is heard."""
