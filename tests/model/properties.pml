/* What must hold (design §11), by name. The number is how the checker's answer is translated back. */
#define S1 1   /* an acknowledged event is in the authoritative store */
#define S2 2   /* one authority: no store but the one that won takes a write */
#define S3 3   /* no event of a writer appears in the old store after the decision */
#define S4 4   /* the target is exactly the source up to the watermark */
#define S5 5   /* no event twice */
#define S6 6   /* the stored watermark is never ahead of the applied events */
#define S7 7   /* the tail never passes an uncommitted lower position */
#define S8 8   /* decided means equal */
#define S9 9   /* one decision, by one owner, and nobody undoes it */
#define S10 10 /* a stale router gets an error or the new home, never a misplaced write */
#define S11 11 /* a late engine changes nothing */
#define S12 12 /* rollback of a cutover needs nothing that may have failed */
#define S13 13 /* other tenants are untouched */
#define S14 14 /* after a rollback the source has every event that was first written to the target */
#define S16 16 /* a subscription never skips: new positions lie beyond every old one */
#define S18 18 /* abort leaves the source as it was, and nothing on the target */
#define S19 19 /* exactly one audit row per transition */
#define S20 20 /* within a tenant, positions of the same events rise together in both stores, at every commit */
#define S22 22 /* a carried event overtakes no neighbour that can be seen, and is passed by no reader of the tenant */
#define G1 21 /* a gate is green only for what this engine has seen since it took over */
#define L1 31  /* every pause ends by itself */
#define L2 32  /* after a crash the migration converges by itself */

/* "(5==0)" in the checker's answer names the property. */
#define MUST(property, condition) assert((condition) || property == 0)

#define BIT(n) (1 << (n))
