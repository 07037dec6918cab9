package pki

// forOthers is empty: the mode of a file says nothing of who may read it; its folder's access list does.
const forOthers = 0
