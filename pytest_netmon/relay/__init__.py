"""The relay: brings the prober to other places over execnet, and what it measures there into the sample file here.

It is a process of its own, as the prober is: nothing that a test does can hold it up, and it ends with its parent.
"""
