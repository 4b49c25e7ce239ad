//! Agents log in, pause and leave by their desktops: members of a real queue.
