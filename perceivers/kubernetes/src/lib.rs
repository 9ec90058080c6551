//! perceptor-perceiver-kubernetes: watches one cluster and tells the core what runs in it. Decides
//! nothing, and reads neither secrets, environment nor arguments of what it watches.
