"""Staff: who may do what, four eyes, and a record of every act that cannot be changed unseen."""
