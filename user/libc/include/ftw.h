/* Walking a tree of files: ftw() and nftw(), with Linux' values. */
#ifndef _FTW_H
#define _FTW_H

#include <sys/stat.h>

/* What the function called for each object is told. */
enum {
	FTW_F,	 /* neither directory nor symbolic link */
	FTW_D,	 /* directory, before its contents */
	FTW_DNR, /* directory that cannot be read */
	FTW_NS,	 /* stat failed; the structure means nothing */
	FTW_SL,	 /* symbolic link (nftw with FTW_PHYS) */
	FTW_DP,	 /* directory, after its contents (FTW_DEPTH) */
	FTW_SLN, /* symbolic link that leads nowhere (nftw without FTW_PHYS) */
};

/* nftw() flags */
#define FTW_PHYS	  1  /* do not follow symbolic links */
#define FTW_MOUNT	  2  /* stay on the first file system */
#define FTW_CHDIR	  4  /* be in the object's directory when the function is called */
#define FTW_DEPTH	  8  /* contents before the directory */
#define FTW_ACTIONRETVAL  16 /* the function's results are the following */
#define FTW_CONTINUE	  0
#define FTW_STOP	  1
#define FTW_SKIP_SUBTREE  2 /* after FTW_D: not into it */
#define FTW_SKIP_SIBLINGS 3 /* on with what follows the directory this one is in */

struct FTW {
	int base;  /* where the last component begins in the path */
	int level; /* 0: the root of the walk */
};

typedef int (*__ftw_func_t)(const char *, const struct stat *, int);
typedef int (*__nftw_func_t)(const char *, const struct stat *, int, struct FTW *);

int ftw(const char *, __ftw_func_t, int);
int nftw(const char *, __nftw_func_t, int, int);

#endif
