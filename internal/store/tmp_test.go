package store_test
import ("testing";"time";"context";"os";"fmt";"sort";"kanmon/internal/db";"kanmon/internal/db/dbtest";"kanmon/internal/store")
func BenchmarkTmp(b *testing.B){
 d:=dbtest.DurableSQLite(b); createEvents(b,d,`salt BLOB NOT NULL, leaf BIGINT NOT NULL,`,"leaf")
 s,_:=store.New(d,store.Config{Origin:"kanmon.example/bench"})
 n:=0; total:=benchRows(b)
 var ins,fin,com []time.Duration
 path:=dbtest.Config(b,d).Path
 for ;n<total; n+=batchSize {
  rows:=make([]store.Row,batchSize); for i:=range rows{rows[i]=sampleEvent(n+i)}
  var t0,t1 time.Time
  t0=time.Now()
  err:=s.Write(context.Background(),store.System("b"),"",func(tx *store.Tx)error{ _,err:=tx.AppendAll(context.Background(),"bench_event",rows); t1=time.Now(); return err})
  if err!=nil{b.Fatal(err)}
  ins=append(ins,t1.Sub(t0)); com=append(com,time.Since(t1))
  if n%(batchSize*400)==0 && n>0 { 
   st,_:=os.Stat(path+"-wal"); st2,_:=os.Stat(path)
   fmt.Println(n,"ins",q(ins),"rest",q(com),"wal MB",st.Size()>>20,"db MB",st2.Size()>>20); ins,com=nil,nil}
 }
 _ = fin; _ = db.SQLite
}
func q(d []time.Duration) string { var s time.Duration; for _,x:=range d{s+=x}; sort.Slice(d,func(i,j int)bool{return d[i]<d[j]}); return fmt.Sprintf("sum %v med %v p99 %v max %v", s.Round(time.Millisecond), d[len(d)/2].Round(10*time.Microsecond), d[len(d)*99/100].Round(10*time.Microsecond), d[len(d)-1].Round(10*time.Microsecond)) }
