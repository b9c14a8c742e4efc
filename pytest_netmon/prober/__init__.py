"""The prober: times TCP connects in a process of its own, so that nothing else can bend them.

Its law: standard library only, Python >= 3.8, nothing imported from the rest of the package, so
that it can be shipped to a machine that has only Python. Modules, each using only earlier ones:
`protocol` (what goes in and out), `kernel` (what only the operating system knows), `classify`
(errors to outcomes), `pace` (when a start is allowed), `names` (resolution in daemon threads),
`wait` (readiness of sockets), `timers` (calls in the order of their times), `lateness` (how late
starts were), `samplefile` (the one writer of the sample file), `work` (endpoints, checks, attempts),
`connecting` (checks in flight), `engine` (the loop), `main` (the process).
"""
